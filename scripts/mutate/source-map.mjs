const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * Where in a built file a place of its source has come to, by the source map beside it: a function from a line and a
 * column of the source, both from 0, to those of the built file. Node's own SourceMap only knows the way back.
 */
export function builtPlaces(map) {
  const places = decode(map.mappings).toSorted((a, b) => a.line - b.line || a.column - b.column);
  return (line, column) => {
    let found;
    for (const place of places) {
      if (place.line > line || (place.line === line && place.column > column)) break;
      found = place;
    }
    return found?.built;
  };
}

function decode(mappings) {
  const places = [];
  let [line, column] = [0, 0];
  for (const [builtLine, group] of mappings.split(';').entries()) {
    let builtColumn = 0;
    for (const segment of group.split(',').filter(Boolean)) {
      const [builtStep = 0, , lineStep, columnStep = 0] = numbers(segment);
      builtColumn += builtStep;
      if (lineStep === undefined) continue;
      line += lineStep;
      column += columnStep;
      places.push({ line, column, built: { line: builtLine, column: builtColumn } });
    }
  }
  return places;
}

/** Base64 VLQ: five bits a digit, the lowest first, and the sign in the lowest bit of the number. */
function numbers(segment) {
  const found = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    found.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return found;
}

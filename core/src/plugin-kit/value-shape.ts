/** The shape of a value: a type, a list of one shape, or fields; those whose names end with `?` may be absent. */
export type Shape = 'string' | 'number' | 'boolean' | readonly [Shape] | { readonly [field: string]: Shape };

/** Makes a check whether a value that was JSON has this shape. Other fields are not looked at. */
export function shapeCheck(shape: Shape): (value: unknown) => boolean {
  if (typeof shape === 'string') return (value) => typeof value === shape;
  if (isList(shape)) {
    const check = shapeCheck(shape[0]);
    return (value) => Array.isArray(value) && value.every((each) => check(each));
  }
  const fields = Object.entries(shape).map(([field, inner]) => {
    const isOptional = field.endsWith('?');
    return { name: isOptional ? field.slice(0, -1) : field, isOptional, check: shapeCheck(inner) };
  });
  return (value) => {
    if (typeof value !== 'object' || value === null) return false;
    return fields.every(({ name, isOptional, check }) => {
      const own: unknown = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      // What is without limit is null in JSON.
      return own === undefined || own === null ? isOptional : check(own);
    });
  };
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

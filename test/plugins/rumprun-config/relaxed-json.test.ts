import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Mistake } from '#rumprun-config/mistake.js';
import { compactJson, parseRelaxedJson } from '#rumprun-config/relaxed-json.js';

const compacted = (text: string): string => compactJson(parseRelaxedJson(text));

/** Where it is, and what is said of it. */
function mistakeIn(text: string): string {
  try {
    return `none: ${compacted(text)}`;
  } catch (error) {
    assert.ok(error instanceof Mistake, `it threw ${String(error)}`);
    return `${error.line}:${error.column}: ${error.message}`;
  }
}

/** An object of JSON, and nothing in it that JSON.stringify would write in another way than it was. */
const anObject = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })).map((value) => JSON.stringify(value));

describe('the JSON of rumprun', () => {
  it('is taken as the rumprun tool writes it: a comma behind everything, and several members of one name', () => {
    const written = [
      '{, ',
      '\t"blk" :  {, ',
      '\t\t"source":\t"etfs", ',
      '\t\t"path":\t"xvda", ',
      '\t}, ',
      '\t"blk" :  {, ',
      '\t\t"source":\t"dev", ',
      '\t}, ',
      '\t"cmdline": "nginx -c /data/conf/nginx.conf", ',
      '}, ',
      '',
    ].join('\n');
    assert.equal(
      compacted(written),
      '{"blk":{"source":"etfs","path":"xvda"},"blk":{"source":"dev"},"cmdline":"nginx -c /data/conf/nginx.conf"}',
    );
  });

  it('is taken with doubled commas, as for QEMU, and with none at all', () => {
    assert.equal(compacted('{,,"a": [1,,2 3 ,,],,"b":true "c":null},,'), '{"a":[1,2,3],"b":true,"c":null}');
  });

  it('keeps strings and numbers as they are written', () => {
    const written = String.raw`{"a\/b":"A\"\\\n, ]}","n":[-0.50,1E+9,0]}`;
    assert.equal(compacted(written), written);
  });

  for (const [text, mistake] of [
    ['', "1:1: '{' expected, the end of the file found"],
    [' \n [1]', '2:2: \'{\' expected, "[" found'],
    ['{"a":1', "1:7: '}' expected, the end of the file found"],
    ['{\n  "a": {\n    "b" 1 }\n}', '3:9: \':\' expected, "1" found'],
    ['{"a":}', '1:6: a value expected, "}" found'],
    ['{"a":,1}', '1:6: a value expected, "," found'],
    ['{a:1}', '1:2: a name in double quotes or \'}\' expected, "a" found'],
    ["{'a':1}", "1:2: a name in double quotes or '}' expected, \"'\" found"],
    ['{"a":[1}', '1:8: a value expected, "}" found'],
    ['{"a":01}', '1:6: a value expected, "0" found'],
    ['{"a":1.}', '1:6: a value expected, "1" found'],
    ['{"a":nul}', '1:6: a value expected, "n" found'],
    ['{"a":trueish}', '1:6: a value expected, "t" found'],
    ['{} {', '1:4: nothing expected behind the object, "{" found'],
    ['{} // bye', '1:4: nothing expected behind the object, "/" found'],
    [
      '{"naïve": "a\nb"}',
      '1:13: a string that ends with \'"\' on the same line, with no escapes but those of JSON, expected, "\\n" found',
    ],
    [
      String.raw`{"a": "c:\windows"}`,
      String.raw`1:10: a string that ends with '"' on the same line, with no escapes but those of JSON, expected, "\\" found`,
    ],
    [
      '{"a',
      "1:4: a string that ends with '\"' on the same line, with no escapes but those of JSON, expected, the end of the file found",
    ],
  ] as const) {
    it(`says what is wrong with ${JSON.stringify(text)}, and where`, () => {
      assert.equal(mistakeIn(text), mistake);
    });
  }

  it('is refused when it is nested deeper than a guest would bear', () => {
    const nested = (levels: number): string => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    assert.match(mistakeIn(nested(64)), /^none/);
    assert.equal(mistakeIn(nested(65)), '1:70: at most 64 levels expected, "[" found');
    assert.match(mistakeIn(nested(30_000)), /^1:70: at most 64 levels/);
  });

  it('is all of JSON: what JSON.stringify writes of an object comes back as it was', () => {
    fc.assert(
      fc.property(anObject, (text) => {
        assert.equal(compacted(text), text);
        assert.equal(compacted(JSON.stringify(JSON.parse(text), undefined, 3)), text);
      }),
    );
  });

  it('means the same with any commas and spaces around what is in it', () => {
    const separators = fc.stringMatching(/^[ \t\r\n,]*$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.integer())), separators, separators, (members, before, between) => {
        const written = members.map(([name, value]) => `${JSON.stringify(name)}:${value}`);
        const text = `{${before}${written.join(`${between} `)}${between}}${between}`;
        assert.equal(compacted(text), `{${written.join(',')}}`);
      }),
    );
  });

  it('becomes JSON for every parser, or there is a mistake in it, whatever it is', () => {
    const pieces = ['{', '}', '[', ']', ':', ',', '"', '\\', '"a"', '1', '-', '.5', 'e', 'null', ' ', '\n', '\0', 'é'];
    const noise = fc.array(fc.constantFrom(...pieces)).map((parts) => parts.join(''));
    const broken = fc.tuple(anObject, fc.nat(), fc.constantFrom(...pieces)).map(([text, position, piece]) => {
      const at = position % (text.length + 1);
      return text.slice(0, at) + piece + text.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(noise, broken), (text) => {
        let compact;
        try {
          compact = compacted(text);
        } catch (error) {
          assert.ok(error instanceof Mistake);
          assert.ok(error.line >= 1 && error.line <= text.split('\n').length);
          return;
        }
        JSON.parse(compact);
        assert.equal(compacted(compact), compact);
      }),
      { numRuns: 1_000 },
    );
  });
});

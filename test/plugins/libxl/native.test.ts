import assert from 'node:assert/strict';
import koffi from 'koffi';
import { loadC, type Pointer } from '#libxl/native/c-library.js';
import { failureOf } from '#libxl/native/call-failure.js';
import { errorsOf, ErrorLog } from '#libxl/native/error-log.js';
import { notTaken } from '#libxl/native/not-taken.js';
import { Structure } from '#libxl/native/structure.js';
import { checkVersion } from '#libxl/native/xen-version.js';

const c = loadC();
const nothing = (): void => undefined;
const filling =
  (size: number, byte = 0) =>
  (memory: Pointer) =>
    void c.memset(memory, byte, size);

const unfit = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    const failure = failureOf(error);
    assert.equal(failure.kind, 'unfit');
    return 'message' in failure ? failure.message : '';
  }
  return assert.fail('it was taken for fit');
};

describe('a structure of a library of C', () => {
  for (const size of [1, 24, 1288, 4096]) {
    it(`is measured by what its initialiser writes: ${size} bytes`, () => {
      assert.equal(new Structure('s', c, filling(size), nothing).size, size);
    });
  }

  for (const canary of [0xa5, 0x5a]) {
    it(`is measured right where it is full of the byte ${canary}`, () => {
      assert.equal(new Structure('s', c, filling(100, canary), nothing).size, 100);
    });
  }

  it('is refused where its initialiser writes nothing, or more than can be', () => {
    assert.match(
      unfit(() => new Structure('empty', c, nothing, nothing)),
      /initialiser of empty wrote 0 bytes/,
    );
    assert.match(
      unfit(() => new Structure('huge', c, filling(60_000), nothing)),
      /huge wrote 60000 bytes/,
    );
  });

  it('is lent zeroed and initialised, and disposed of afterwards, also after a failure', async () => {
    const log: string[] = [];
    const structure = new Structure('s', c, filling(8, 1), () => log.push('disposed'));
    log.length = 0;
    const bytes = Buffer.alloc(16, 0xff);
    await structure.lend((memory) => void c.memcpy(bytes, memory, 16));
    assert.equal(bytes.toString('hex'), '01'.repeat(8) + '00'.repeat(8));
    await assert.rejects(
      structure.lend(() => Promise.reject(new Error('no'))),
      /^Error: no$/,
    );
    assert.deepEqual(log, ['disposed', 'disposed']);
  });
});

describe('the log of libxl', () => {
  it('hands back what was logged since a call began, though calls overlap', () => {
    const log = new ErrorLog(c);
    const fputs = koffi.load(null).func('int fputs(const char *text, void *stream)') as (
      text: string,
      to: Pointer,
    ) => number;
    const fflush = koffi.load(null).func('int fflush(void *stream)') as (stream: Pointer) => number;
    const write = (text: string) => {
      fputs(`libxl: error: libxl_create.c:1:f: ${text}\n`, log.stream);
      fflush(log.stream);
    };
    const first = log.begin();
    write('Domain 1:one');
    const second = log.begin();
    write('Domain 2:two');
    assert.deepEqual(first(1), ['one']);
    assert.deepEqual(second(2), ['two']);
    const third = log.begin();
    write('three');
    assert.deepEqual(third(), ['three']);
    log.close();
  });

  it('is read for errors alone, in the words of libxl', () => {
    const lines = [
      'libxl: error: libxl_dm.c:3131:device_model_spawn_outcome: Domain 5:domain 5 device model: spawn failed',
      'libxl: debug: libxl_event.c:639:libxl__ev_xswatch_deregister: watch',
      'libxl: warning: libxl_x.c:1:f: Domain 5:hm',
      'xc: error: panic: xg_dom_core.c:690: xc_dom_find_loader: no loader found: Invalid kernel',
      'libxl: error: libxl_domain.c:1183:f: Domain 6:not ours',
      '',
    ];
    assert.deepEqual(errorsOf(lines, 5), [
      'domain 5 device model: spawn failed',
      'xg_dom_core.c:690: xc_dom_find_loader: no loader found: Invalid kernel',
    ]);
  });
});

describe('what libxl made of a configuration', () => {
  it('is complete when everything given came back; what has a default may be left out', () => {
    const given = { a: 1, b: { c: ['x', { d: 'y' }], e: {} }, f: 0, g: [] };
    assert.deepEqual(notTaken(given, { a: 1, b: { c: ['x', { d: 'y' }], more: 1 } }), []);
  });

  it('tells each member that was not taken by its path', () => {
    assert.deepEqual(notTaken({ a: 1, b: { c: ['x', { d: 'y' }] } }, { b: { c: ['z'] } }), ['a', 'b.c.0', 'b.c.1.d']);
  });
});

describe('the version of Xen', () => {
  it('is taken where it is known how its libxl is called', () => {
    for (const minor of [14, 17, 20]) checkVersion({ major: 4, minor });
  });

  for (const version of [
    { major: 4, minor: 13 },
    { major: 3, minor: 17 },
    { major: 4, minor: 21 },
    { major: 5, minor: 0 },
  ]) {
    it(`is refused where that is not known: ${version.major}.${version.minor}`, () => {
      assert.match(
        unfit(() => checkVersion(version)),
        new RegExp(`Xen ${version.major}\\.${version.minor}.*4\\.14 to 4\\.20`),
      );
    });
  }
});

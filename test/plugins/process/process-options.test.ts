import { defineConfig, type UnikernelConfig } from '@jitsud/core';
import plugin from '@jitsud/plugin-process';
import { ControlGroups, type PluginRegistry } from '@jitsud/core/plugin';
import assert from 'node:assert/strict';
import { KEYS_FROM_ELSEWHERE } from '#process/keys-from-elsewhere.js';
import { ProcessBackend } from '#process/process-backend.js';
import { controllersOf, limitsForm, processOptions } from '#process/process-options.js';

describe('the options of a process', () => {
  const parse = (options: object) => processOptions.parse({ name: 'web', command: 'true', ...options });

  it('take a command as a line or as a list of words', () => {
    assert.deepEqual(parse({ command: `sh -c 'a "b c"'` }).command, ['sh', '-c', 'a "b c"']);
    assert.deepEqual(parse({ command: ['sh', '-c', 'a "b c"'] }).command, ['sh', '-c', 'a "b c"']);
  });

  it('take variables as one line, several lines or a mapping', () => {
    assert.deepEqual(parse({ env: 'OPTIONS=a=b' }).env, { OPTIONS: 'a=b' });
    assert.deepEqual(parse({ env: ['PORT=80', 'EMPTY='] }).env, { PORT: '80', EMPTY: '' });
    assert.deepEqual(parse({ env: { PORT: 80, DEBUG: true } }).env, { PORT: '80', DEBUG: 'true' });
    assert.deepEqual(parse({}).env, {});
  });

  it('take a user by name or by number', () => {
    assert.deepEqual(
      [parse({ user: 'nobody' }).user, parse({ user: '1000' }).user, parse({ user: 0 }).user],
      ['nobody', 1000, 0],
    );
  });

  it('take what confines a program', () => {
    const { groups, umask, limits, noNewPrivileges, environmentFile } = parse({});
    assert.deepEqual(
      [groups, umask, limits, noNewPrivileges, environmentFile],
      [...[undefined, undefined, undefined, true, undefined]],
    );
    assert.deepEqual(parse({ groups: 'kvm' }).groups, ['kvm']);
    assert.deepEqual(parse({ groups: ['kvm', '5', 6] }).groups, ['kvm', 5, 6]);
    assert.deepEqual(
      ['027', '77', '0', '0022'].map((umask) => parse({ umask }).umask),
      [0o27, 0o77, 0, 0o22],
    );
    assert.deepEqual(parse({ limits: { files: 64 } }).limits, { files: 64 });
    for (const wrong of [
      ...[{ umask: 27 }, { umask: '8' }, { umask: '' }, { limits: { files: 3 } }, { limits: { files: 4.5 } }],
      ...[{ limits: { file: 7 } }, { noNewPrivileges: 'perhaps' }, { groups: [''] }, { environmentFile: '' }],
    ]) {
      const options = { name: 'web', command: 'true', ...wrong };
      assert.equal(processOptions.safeParse(options).success, false, JSON.stringify(wrong));
    }
  });

  it('say how the umask is written, also where YAML has made a number of it', () => {
    const { error } = processOptions.safeParse({ name: 'web', command: 'true', umask: 27 });
    assert.deepEqual(
      error?.issues.map(({ message }) => message),
      ["Octal digits in quotes, such as '027', expected."],
    );
  });

  it('take limits as others write them', () => {
    for (const [memory, bytes] of [
      ...([
        ['64M', 2 ** 26],
        ['64MiB', 2 ** 26],
        ['1.5G', 1.5 * 2 ** 30],
        ['2048K', 2 ** 21],
      ] as const),
      ...([
        [2 ** 20, 2 ** 20],
        ['1048576', 2 ** 20],
      ] as const),
    ]) {
      assert.equal(limitsForm.parse({ memory }).memory, bytes, String(memory));
    }
    for (const [cpu, processors] of [
      ...([
        [0.5, 0.5],
        ['0.5', 0.5],
        ['.5', 0.5],
        ['50%', 0.5],
        ['150 %', 1.5],
        [2, 2],
        ['1%', 0.01],
      ] as const),
    ]) {
      assert.equal(limitsForm.parse({ cpu }).cpu, processors, String(cpu));
    }
    const messageOf = (limits: object) => limitsForm.safeParse(limits).error?.issues[0]?.message ?? '';
    assert.equal(messageOf({ memory: '64' }), 'At least 1MiB expected.');
    assert.match(messageOf({ memory: '64 stones' }), /^A number of bytes, or a size such as/);
    for (const cpu of ['half', -1, '%', 5_000])
      assert.match(messageOf({ cpu }), /^A number of processors/, String(cpu));
    for (const cpu of [0, '0.5%']) assert.equal(messageOf({ cpu }), 'At least 0.01 of a processor expected.');
    for (const processes of [0, 1.5, '7']) assert.notEqual(messageOf({ processes }), '', String(processes));
    assert.deepEqual(controllersOf({ files: 7 }), []);
    assert.deepEqual(controllersOf({ memory: 1, cpu: 1, processes: 1 }), ['memory', 'cpu', 'pids']);
  });

  it('refuse limits that this system does not know', () => {
    const lack = new ControlGroups().lackOf(['pids']);
    const { error } = processOptions.safeParse({ name: 'web', command: 'true', limits: { processes: 7 } });
    assert.deepEqual(error?.issues.map(({ path, message }) => [path, message]) ?? [], lack ? [[['limits'], lack]] : []);
  });

  it('refuse a command without a program', () => {
    for (const command of ['', '  ', [], ['']]) {
      assert.match(processOptions.safeParse({ name: 'web', command }).error?.issues[0]?.message ?? '', /program/);
    }
  });

  it('refuse what no system takes, with the reason', () => {
    const messagesOf = (options: object): (string | undefined)[] =>
      processOptions
        .safeParse({ name: 'web', command: 'true', ...options })
        .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
    const nul = 'No NUL character can be in it.';
    assert.deepEqual(messagesOf({ name: '' }), ['name: A name expected.']);
    assert.deepEqual(messagesOf({ name: undefined }), ['name: A name expected.']);
    assert.deepEqual(messagesOf({ cwd: '' }), ['cwd: A folder expected.']);
    assert.deepEqual(messagesOf({ cwd: 'a\0b' }), [`cwd: ${nul}`]);
    const one = 'A variable such as PORT=8080 expected.';
    const any = 'env: Variables such as { PORT: 8080 } or PORT=8080 expected.';
    for (const [env, message] of [
      ['PORT', `env: ${one}`],
      ['=80', `env: ${one}`],
      ['A=\0', `env: ${one}`],
      ['A\0=', `env: ${one}`],
      [['PORT=80', 'PORT'], `env.1: ${one}`],
      [7, any],
      [{ A: null }, any],
      [{ 'A=': 'b' }, any],
      [{ A: 'a\0b' }, `env.A: ${nul}`],
    ] as const) {
      assert.deepEqual(messagesOf({ env }), [message], JSON.stringify(env));
    }
    const user = 'user: The name or number of a user expected.';
    for (const wrong of [1.5, true]) assert.deepEqual(messagesOf({ user: wrong }), [user]);
    for (const wrong of ['', -1]) assert.match(messagesOf({ user: wrong })[0] ?? '', /^user: Too small/);
    assert.equal(parse({ user: '12a' }).user, '12a');
    assert.equal(parse({ user: 'a12' }).user, 'a12');
    assert.equal(Object.isFrozen(parse({}).env), true);
    assert.equal(parse({}).env, parse({}).env);
  });

  it('are contributed with the backend', () => {
    const backends: Parameters<PluginRegistry['backend']>[0][] = [];
    plugin.register({ backend: (backend) => void backends.push(backend) } as PluginRegistry);
    const [backend = assert.fail()] = backends;
    assert.deepEqual([backend.memory?.({ limits: { memory: 2 ** 20 } }), backend.memory?.({})], [2 ** 20, undefined]);
    assert.deepEqual([backend.holds?.({ listen: [] }), backend.holds?.({})], [true, false]);
    assert.deepEqual([...(backend.listens?.({}, ['127.0.0.2']) ?? assert.fail())], []);
    const isPlain = ([key]: [string, unknown]): boolean => !['memory', 'holds', 'listens'].includes(key);
    assert.deepEqual(Object.fromEntries(Object.entries(backend).filter(isPlain)), {
      name: 'process',
      useClass: ProcessBackend,
      description: 'Programs of this machine: a server, or a solo5, firecracker or qemu command line',
      stopModes: ['destroy', 'shutdown', 'suspend'],
      defaultStopMode: 'shutdown',
      unikernel: processOptions,
      foreignKeys: KEYS_FROM_ELSEWHERE,
    });
    assert.equal(backends.length, 1);
    assert.equal(plugin.apiVersion, '^1.0.0');
  });

  it('are known to the editor', () => {
    assert.equal(plugin.name, 'process');
    const unikernel = { backend: 'process', dns: 'a.test', ip: '127.0.0.2', name: 'a', command: 'true' } as const;
    const config = defineConfig({ unikernels: [unikernel satisfies UnikernelConfig] });
    assert.ok(config);
  });
});

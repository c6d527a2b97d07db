/** The layers of docs/architecture.md, checked by `npm run layers`. */

/** What the folders `from` of core must not import, types included. */
const apart = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^core/src/(${from})/` },
  to: { path: `^core/src/(${to})/` },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'A reader opens files in one direction and never comes back. This holds for types too.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'contracts-stand-alone',
      comment: 'Contracts are types that import nothing of ours; zod, as a type, in plugin.ts alone.',
      severity: 'error',
      from: { path: '^core/src/contracts/' },
      to: { pathNot: ['^core/src/contracts/', 'node_modules/zod/'] },
    },
    {
      name: 'zod-only-in-the-plugin-contract',
      severity: 'error',
      from: { path: '^core/src/contracts/', pathNot: '^core/src/contracts/plugin\\.ts$' },
      to: { path: 'node_modules' },
    },
    apart(
      'dns-is-not-lifecycle',
      'dns',
      'lifecycle|fleet|control',
      'What it asks of them is dns/resolvers/unikernel-service.ts; they meet in the composition root.',
    ),
    apart(
      'lifecycle-knows-no-dns',
      'lifecycle',
      'dns|control|plugins|telemetry',
      'The life of a unikernel is the same, whoever asks.',
    ),
    apart(
      'state-and-telemetry-stand-aside',
      'state|telemetry',
      'dns|lifecycle|control',
      'They are told, they do not ask.',
    ),
    apart(
      'sockets-serve-everybody',
      'net',
      'dns|lifecycle|state|telemetry|control|plugins',
      'Calls of the system know nothing of those who make them.',
    ),
    apart(
      'files-serve-everybody',
      'files',
      'config|dns|fleet|lifecycle|state|telemetry|control|net|plugins',
      'What is safe on the disk is the same for whoever asks.',
    ),
    apart(
      'config-comes-first',
      'config|plugins',
      'dns|lifecycle|state|telemetry|control',
      'Configuration becomes settings; it runs nothing.',
    ),
    {
      name: 'nobody-imports-the-composition-root',
      severity: 'error',
      from: { path: '^core/src/', pathNot: '^core/src/index\\.ts$' },
      to: { path: '^core/src/(jitsu|index|plugin)\\.ts$' },
    },
    {
      name: 'testing-is-for-tests',
      comment: 'The contract suites are for tests, ours and those of plugin authors.',
      severity: 'error',
      from: { path: '/src/', pathNot: '^core/src/testing/' },
      to: { path: '^core/(src|dist)/testing/' },
    },
    {
      name: 'core-only-by-its-face',
      comment: "The command and examples reach core by '@jitsud/core' and '@jitsud/core/control' alone.",
      severity: 'error',
      from: { path: '^(cli|examples)/' },
      to: { path: '^core/', pathNot: '^core/dist/(control/)?index\\.(js|d\\.ts)$' },
    },
    {
      name: 'plugins-by-their-own-face',
      comment: "Plugins reach core by '@jitsud/core/plugin' alone.",
      severity: 'error',
      from: { path: '^plugins/' },
      to: { path: '^core/', pathNot: '^core/dist/plugin\\.(js|d\\.ts)$' },
    },
    {
      name: 'core-knows-no-plugin-and-no-command',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: '^(plugins|cli)/' },
    },
    {
      name: 'plugins-know-no-plugin',
      comment: 'A plugin may use the public face of a library package beside it, never its inside.',
      severity: 'error',
      from: { path: '^plugins/([^/]+)/' },
      to: { path: '^plugins/', pathNot: ['^plugins/$1/', '^plugins/[^/]+/dist/index\\.(js|d\\.ts)$'] },
    },
    {
      name: 'the-command-knows-no-plugin',
      comment: 'Plugins are found, not imported.',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^plugins/' },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-packages',
      comment: 'What is imported stands in the package.json beside it.',
      severity: 'error',
      from: { path: '^(core|cli|plugins)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/dist/.*\\.map$'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
      mainFields: ['module', 'main'],
    },
  },
};

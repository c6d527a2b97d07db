import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import typescript from 'typescript-eslint';
import { kebabCaseRule } from './scripts/kebab-case-rule.mjs';

const NODE_GLOBALS = Object.fromEntries(
  [
    'AbortController',
    'AbortSignal',
    'Buffer',
    'URL',
    'clearTimeout',
    'console',
    'fetch',
    'performance',
    'process',
    'setTimeout',
  ].map((name) => [name, 'readonly']),
);

export default defineConfig(
  globalIgnores(['**/dist/', 'coverage/', 'docs/reference/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    plugins: { jitsu: { rules: { 'kebab-case': kebabCaseRule } } },
    rules: {
      'jitsu/kebab-case': 'error',
      'no-console': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      eqeqeq: 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [typescript.configs.strictTypeChecked, typescript.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.config.ts'], defaultProject: 'tsconfig.base.json' } },
    },
    rules: {
      // Numbers, and what knows how to print itself, belong into messages.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => listener(event)` and `if (done) return close()` say what they mean.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // A method may have nothing to do: `close()` where nothing is open.
      '@typescript-eslint/no-empty-function': 'off',
      // noUncheckedIndexedAccess cannot know that an index is within bounds; `!` and `as` both may say so.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // `keyof BackendOptions` is `never` only until a plugin augments that interface.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      // `get<T>(key): T` says at the call what is expected there.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/unbound-method': ['error', { ignoreStatic: true }],
      // An async method of a contract may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // `process.env['PATH']`: the compiler's noPropertyAccessFromIndexSignature is a matter of taste at each place.
      '@typescript-eslint/dot-notation': 'off',
      // `constructor(readonly name: string) {}` in a class that a decorator or a test makes is enough of a body.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowConstructorOnly: true }],
      // `type X = { … }` and `interface X` differ in meaning: an interface can be augmented.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `type StopMode = 'destroy' | (string & {})` keeps completion, and an empty interface waits for plugins to augment it.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'always', allowObjectTypes: 'always' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A test asks for what the types promise, and does not take their word for it.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // An empty class stands for one that nobody constructs.
      '@typescript-eslint/no-extraneous-class': 'off',
      // What a fake gives back has the shape that is asked of it, and need be nothing more.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A fake throws whatever it was told to.
      '@typescript-eslint/only-throw-error': 'off',
    },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], languageOptions: { globals: NODE_GLOBALS } },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { module: 'writable', require: 'readonly' } },
  },
  // What prints to a terminal.
  {
    files: [
      'cli/**',
      'scripts/**',
      'examples/**',
      'test/bench/**',
      'test/chaos/**',
      'test/soak/**',
      'test/fuzz/run.ts',
      'test/support/**',
      'test/e2e/xen/dom0/**',
    ],
    rules: { 'no-console': 'off' },
  },
  // A configuration belongs to no project of the compiler: it is loaded as it is.
  { files: ['*.config.ts'], extends: [typescript.configs.disableTypeChecked] },
  // What somebody loads by its default export: plugins, configurations, a mocha reporter.
  {
    files: ['plugins/*/src/index.ts', '**/*.config.{js,ts}', 'scripts/test-reporter.mjs'],
    rules: { 'no-restricted-exports': 'off' },
  },
  // The composition root, and what makes instances for it.
  prettier,
);

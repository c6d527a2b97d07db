import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** The modules of the plugins that the pages show, compiled where they are in TypeScript, until this process ends. */
export async function pagePackages(): Promise<readonly string[]> {
  const { writePagePackages } = (await import(new URL('../../../scripts/page-packages.mjs', import.meta.url).href)) as {
    writePagePackages: (repository: string, destination: string) => readonly string[];
  };
  // From here the packages of the repository are found, and mocha does not look here for tests.
  const folder = join(repository, 'node_modules/.cache/jitsu-page-packages', `${process.pid}-${Date.now()}`);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return writePagePackages(repository, folder).flatMap((name) => compiled(join(folder, name)));
}

/** The modules of a package, compiled where they are in TypeScript. */
function compiled(place: string): readonly string[] {
  const source = join(place, 'src');
  if (!existsSync(source)) return readdirSync(place).map((file) => join(place, file));
  const { config } = ts.readConfigFile(join(place, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object };
  };
  // One file by itself does not say that its package is of ES modules.
  const settings = { ...config.compilerOptions, module: 'es2022', moduleResolution: 'bundler' };
  const { options } = ts.convertCompilerOptionsFromJson(settings, place);
  mkdirSync(join(place, 'dist'));
  return readdirSync(source).map((file) => {
    const fileName = join(source, file);
    const { outputText } = ts.transpileModule(readFileSync(fileName, 'utf8'), { compilerOptions: options, fileName });
    const output = join(place, 'dist', file.replace(/\.ts$/, '.js'));
    writeFileSync(output, outputText);
    return output;
  });
}

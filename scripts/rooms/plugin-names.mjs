import { existsSync, readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

/**
 * Where code names a plugin of this repository, or what only a plugin knows: in an identifier or a text, not in a
 * comment, which may give an example. `process` is a word of Node's as well, and counts where it is a text by itself.
 *
 * @param {readonly string[]} files
 * @returns {{ file: string, line: number, name: string }[]}
 */
export function findPluginNames(files) {
  const names = readdirSync('plugins').filter((name) => existsSync(`plugins/${name}/package.json`));
  const words = [...new Set(names.flatMap((name) => [name, ...name.split('-')]))].filter((word) => !COMMON.has(word));
  const anywhere = new RegExp(words.join('|'), 'i');
  return files.flatMap((file) => {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    const found = [];
    const visit = (node) => {
      const text = ts.isIdentifier(node) || ts.isStringLiteralLike(node) || isTemplatePart(node) ? node.text : '';
      const isNamed =
        anywhere.test(text) || text.endsWith('plugin-process') || (text === 'process' && !ts.isIdentifier(node));
      if (isNamed) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        found.push({ file, line: line + 1, name: text });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

function isTemplatePart(node) {
  return ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node);
}

/** Parts of names that say nothing by themselves. */
const COMMON = new Set(['process', 'config']);

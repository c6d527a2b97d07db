/**
 * Writes the description of each key as a doc comment above it, in the published types of the schemas: an editor shows
 * the comment for the key in a `jitsu.config.ts`, and does not see what stands in `.describe()`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { describeOptions } from '@jitsud/core';

/**
 * @param types the folder with the declarations, which are changed
 * @param built the folder with the same modules as built, from which the schemas are taken
 */
export async function describeTypes(types, built) {
  const files = readdirSync(types, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.d.ts'));
  for (const file of files) {
    const text = readFileSync(join(types, file), 'utf8');
    if (!/: z\.ZodObject</.test(text)) continue;
    const module = await import(pathToFileURL(join(built, file.replace(/\.d\.ts$/, '.js'))).href);
    writeFileSync(join(types, file), described(text, module));
  }
}

function described(text, module) {
  const comments = [];
  const describe = (node, options) => {
    if (ts.isTypeReferenceNode(node) && /\bZodObject$/.test(node.typeName.getText())) {
      for (const { name, type, pos } of node.typeArguments[0].members) {
        const option = options.find(({ key }) => key === name.text);
        if (option === undefined) continue;
        const { description } = option;
        if (description !== '') comments.push([pos, `/** ${description.replaceAll('*/', '*\\/')} */`]);
        describe(type, option.options);
      }
    } else node.forEachChild((child) => describe(child, options));
  };
  for (const statement of ts.createSourceFile('types.d.ts', text, ts.ScriptTarget.Latest, true).statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, type } of statement.declarationList.declarations) {
      const schema = module[name.text];
      if (schema?.shape !== undefined && type !== undefined) describe(type, describeOptions(schema));
    }
  }
  // From the end, so that the earlier positions stay true.
  return comments.reduceRight((rest, [at, comment]) => `${rest.slice(0, at)}\n${comment}${rest.slice(at)}`, text);
}

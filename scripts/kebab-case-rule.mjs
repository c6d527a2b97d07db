import { basename } from 'node:path';

/** An ESLint rule: every file is named in kebab-case, before its first dot. */
export const kebabCaseRule = {
  meta: {
    type: 'suggestion',
    docs: { description: 'name files in kebab-case' },
    messages: {
      notKebabCase: "'{{name}}' is not in kebab-case; name the file after its main export, as 'stop-policy.ts'.",
    },
    schema: [],
  },
  create(context) {
    return {
      Program(node) {
        const name = basename(context.filename);
        const isKebabCase = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*\./.test(name);
        if (!isKebabCase) context.report({ node, messageId: 'notKebabCase', data: { name } });
      },
    };
  },
};

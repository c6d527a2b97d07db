import ts from 'typescript';

const { SyntaxKind: Kind } = ts;

/** What stands in place of an operator. */
const OPERATORS = new Map([
  [Kind.LessThanToken, ['<=', '>=']],
  [Kind.LessThanEqualsToken, ['<', '>']],
  [Kind.GreaterThanToken, ['>=', '<=']],
  [Kind.GreaterThanEqualsToken, ['>', '<']],
  [Kind.EqualsEqualsEqualsToken, ['!==']],
  [Kind.ExclamationEqualsEqualsToken, ['===']],
  [Kind.AmpersandAmpersandToken, ['||']],
  [Kind.BarBarToken, ['&&']],
  [Kind.PlusToken, ['-']],
  [Kind.MinusToken, ['+']],
  [Kind.AsteriskToken, ['/']],
  [Kind.SlashToken, ['*']],
  [Kind.PercentToken, ['*']],
  [Kind.AmpersandToken, ['|']],
  [Kind.BarToken, ['&']],
  [Kind.LessThanLessThanToken, ['>>']],
  [Kind.GreaterThanGreaterThanToken, ['<<']],
  [Kind.GreaterThanGreaterThanGreaterThanToken, ['<<']],
  [Kind.PlusEqualsToken, ['-=']],
  [Kind.MinusEqualsToken, ['+=']],
  [Kind.BarEqualsToken, ['&=']],
  [Kind.AmpersandEqualsToken, ['|=']],
]);
const METHODS = new Map(
  Object.entries({
    some: 'every',
    every: 'some',
    min: 'max',
    max: 'min',
    startsWith: 'endsWith',
    endsWith: 'startsWith',
  }),
);
/** What is said to people is worth reading, not worth a test of each word. */
const SAYS = /^(?:debug|info|warn|error|trace|describe|meta|log)$/;

/**
 * The small faults that can be put into one TypeScript file: where each begins and ends, what stands there instead, and
 * of which kind it is. Types, imports and texts for people are left as they are.
 */
export function findMutants(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const mutants = [];
  const replace = (kind, start, end, replacement) => {
    if (text.slice(start, end) === replacement) return;
    const { line, character } = source.getLineAndCharacterOfPosition(start);
    mutants.push({ file, kind, start, end, replacement, line: line + 1, column: character + 1 });
  };
  const put = (kind, node, replacement) => replace(kind, node.getStart(source), node.getEnd(), replacement);

  const visit = (node) => {
    if (isLeftAlone(node)) return;
    mutate(node, put, source);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

function isLeftAlone(node) {
  return (
    ts.isTypeNode(node) ||
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isDecorator(node) ||
    isSaying(node)
  );
}

/** The construction of an error, or a line of the log: its arguments are texts, mostly. */
function isSaying(node) {
  if (ts.isNewExpression(node)) return /Error$/.test(node.expression.getText());
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  return (
    SAYS.test(node.expression.name.text) &&
    /(?:log|logger|z|schema|console)\b|\)$/i.test(node.expression.expression.getText())
  );
}

function mutate(node, put, source) {
  const textOf = (part) => part.getText(source);
  if (ts.isBinaryExpression(node)) mutateBinary(node, put, textOf);
  else if (ts.isPrefixUnaryExpression(node)) mutatePrefix(node, put, textOf);
  else if (ts.isPostfixUnaryExpression(node)) {
    put('count', node, `${textOf(node.operand)}${node.operator === Kind.PlusPlusToken ? '--' : '++'}`);
  } else if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) {
    mutateCondition(node.expression, put, !ts.isIfStatement(node));
  } else if (ts.isConditionalExpression(node)) mutateCondition(node.condition, put, false);
  else if (ts.isForStatement(node) && node.condition) mutateCondition(node.condition, put, true);
  else if (ts.isExpressionStatement(node)) {
    // A call of super() cannot go, and a directive is no statement.
    const isFixed = node.expression.getText(source).startsWith('super(') || ts.isStringLiteral(node.expression);
    if (!isFixed) put('statement removed', node, ';');
  } else if (ts.isThrowStatement(node) || ts.isBreakStatement(node) || ts.isContinueStatement(node)) {
    if (!ts.isCaseOrDefaultClause(node.parent)) put('statement removed', node, ';');
  } else if (ts.isReturnStatement(node)) mutateReturn(node, put);
  else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) mutateResult(node.body, put);
  else if (ts.isNumericLiteral(node)) mutateNumber(node, put);
  else if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) mutateString(node, put);
  else if (node.kind === Kind.TrueKeyword) put('constant', node, 'false');
  else if (node.kind === Kind.FalseKeyword) put('constant', node, 'true');
  else if (ts.isArrayLiteralExpression(node) && node.elements.length > 0 && !isTarget(node)) put('empty', node, '[]');
  else if (ts.isAwaitExpression(node)) put('await removed', node, textOf(node.expression));
  else if (ts.isPropertyAccessExpression(node)) mutateAccess(node, put, textOf);
  else if (ts.isCallExpression(node)) mutateCall(node, put, textOf);
}

function mutateBinary(node, put, textOf) {
  const operator = node.operatorToken.kind;
  if (operator === Kind.QuestionQuestionToken) {
    put('default removed', node, `(${textOf(node.left)})`);
    return;
  }
  if (operator === Kind.QuestionQuestionEqualsToken) {
    put('default removed', node.operatorToken, '=');
    return;
  }
  if (operator === Kind.PlusToken && [node.left, node.right].some(isText)) return;
  for (const other of OPERATORS.get(operator) ?? []) put('operator', node.operatorToken, other);
}

function isText(node) {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function mutatePrefix(node, put, textOf) {
  if (node.operator === Kind.ExclamationToken) put('negation removed', node, `(${textOf(node.operand)})`);
  else if (node.operator === Kind.PlusPlusToken) put('count', node, `--${textOf(node.operand)}`);
  else if (node.operator === Kind.MinusMinusToken) put('count', node, `++${textOf(node.operand)}`);
  else if (node.operator === Kind.MinusToken) put('operator', node, `(${textOf(node.operand)})`);
}

/** A loop whose condition always holds would only show that tests end. */
function mutateCondition(node, put, isLoop) {
  if (node.kind === Kind.TrueKeyword || node.kind === Kind.FalseKeyword) return;
  put('condition', node, 'false');
  if (!isLoop) put('condition', node, 'true');
}

function mutateReturn(node, put) {
  if (node.expression === undefined) put('statement removed', node, ';');
  else mutateResult(node.expression, put);
}

function mutateResult(node, put) {
  if (node.kind === Kind.TrueKeyword || node.kind === Kind.FalseKeyword) return;
  if (ts.isIdentifier(node) && node.text === 'undefined') return;
  put('result', node, 'undefined');
}

function mutateNumber(node, put) {
  const value = Number(node.text.replaceAll('_', ''));
  if (isTypeOrKey(node)) return;
  put('constant', node, value === 0 ? '1' : value === 1 ? '0' : String(value + 1));
}

/** Only what is compared, chosen by, or given on: a text inside a template or an error is for people. */
function mutateString(node, put) {
  if (isTypeOrKey(node)) return;
  put('constant', node, node.text === '' ? "'mutated'" : "''");
}

function isTypeOrKey(node) {
  const { parent } = node;
  return (
    ts.isLiteralTypeNode(parent) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    ts.isEnumMember(parent) ||
    ts.isExternalModuleReference(parent)
  );
}

/** The left of an assignment, `[a, b] = …`. */
function isTarget(node) {
  return ts.isBinaryExpression(node.parent) && node.parent.left === node;
}

function mutateAccess(node, put, textOf) {
  if (node.questionDotToken !== undefined) put('optional chaining', node.questionDotToken, '.');
  const isCalled = ts.isCallExpression(node.parent) && node.parent.expression === node;
  const other = METHODS.get(node.name.text);
  if (isCalled && other !== undefined && textOf(node.name) !== other) put('method', node.name, other);
}

function mutateCall(node, put, textOf) {
  if (node.questionDotToken !== undefined) put('optional chaining', node.questionDotToken, '');
  if (ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'filter') {
    put('method', node, textOf(node.expression.expression));
  }
}

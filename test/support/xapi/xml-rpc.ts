const NODE = /<(\/?)([\w.]+)\s*(\/?)>|([^<]+)/g;

interface XmlNode {
  readonly name: string;
  readonly children: XmlNode[];
  text: string;
}

/** Reads a call. Numbers in <int> and <double> become numbers, as everything else that says its type. */
export function readMethodCall(xml: string): { readonly method: string; readonly parameters: readonly unknown[] } {
  const root: XmlNode = { name: '', children: [], text: '' };
  const open = [root];
  for (const [, end, name = '', empty, text] of xml.replace(/<\?.*?\?>/, '').matchAll(NODE)) {
    const top = open.at(-1)!;
    if (text !== undefined) top.text += unescape(text);
    else if (end) open.pop();
    else {
      const node: XmlNode = { name, children: [], text: '' };
      top.children.push(node);
      if (!empty) open.push(node);
    }
  }
  const call = root.children[0]!;
  const parameters = childOf(call, 'params')?.children.map((parameter) => valueOf(parameter.children[0]!)) ?? [];
  return { method: childOf(call, 'methodName')?.text ?? '', parameters };
}

/** Writes the answer as XAPI does: whole numbers as text without a type. */
export function writeMethodResponse(value: unknown): string {
  return `<?xml version="1.0"?><methodResponse><params><param>${write(value)}</param></params></methodResponse>`;
}

function valueOf({ children: [typed], text }: XmlNode): unknown {
  if (!typed) return text;
  switch (typed.name) {
    case 'boolean':
      return typed.text === '1';
    case 'int':
    case 'i4':
    case 'double':
      return Number(typed.text);
    case 'array':
      return typed.children[0]!.children.map(valueOf);
    case 'struct':
      return Object.fromEntries(
        typed.children.map((member) => [childOf(member, 'name')!.text, valueOf(childOf(member, 'value')!)]),
      );
    default:
      return typed.text;
  }
}

function write(value: unknown): string {
  if (typeof value === 'boolean') return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (typeof value === 'number' && !Number.isInteger(value)) return `<value><double>${value}</double></value>`;
  if (Array.isArray(value)) return `<value><array><data>${value.map(write).join('')}</data></array></value>`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([name, one]) => `<member><name>${escape(name)}</name>${write(one)}</member>`,
    );
    return `<value><struct>${members.join('')}</struct></value>`;
  }
  const text = escape(String(value));
  return /^\d{8}T\d\d:\d\d:\d\dZ$/.test(text)
    ? `<value><dateTime.iso8601>${text}</dateTime.iso8601></value>`
    : `<value>${text}</value>`;
}

function childOf({ children }: XmlNode, name: string): XmlNode | undefined {
  return children.find((child) => child.name === name);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

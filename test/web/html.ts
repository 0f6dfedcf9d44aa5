/** A strict little reader of the HTML our pages write: whatever it cannot place, it refuses, so nothing slips through unescaped. */
export type Element = { readonly tag: string; readonly attributes: Readonly<Record<string, string>>; readonly children: (Element | string)[]; readonly parent: Element | undefined };

const empty = new Set(['meta', 'link', 'input', 'br']);
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
export const decode = (text: string): string =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (all, code: string | undefined, name: string) => (code ? String.fromCodePoint(Number(code)) : named[name] ?? all));

const token = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<]*")?)*)\s*(\/?)>|([^<]+)/gy;

const readAttributes = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/([a-zA-Z-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name!, decode(value ?? '')]));

export const parse = (html: string): Element => {
  const start = html.indexOf('>') + 1;
  if (html.slice(0, start) !== '<!doctype html>') throw new Error('no doctype');
  const root: Element = { tag: '#document', attributes: {}, children: [], parent: undefined };
  let open = root;
  token.lastIndex = start;
  for (let found = token.exec(html); found; found = token.exec(html)) {
    const [, closing, tag, attributes, selfClosing, text] = found;
    if (text !== undefined) open.children.push(decode(text));
    else if (closing) {
      if (open.tag !== tag || !open.parent) throw new Error(`</${tag}> closes <${open.tag}>`);
      open = open.parent;
    } else {
      const element: Element = { tag: tag!, attributes: readAttributes(attributes ?? ''), children: [], parent: open };
      open.children.push(element);
      if (!selfClosing && !empty.has(tag!)) open = element;
    }
    if (token.lastIndex === html.length) {
      if (open !== root) throw new Error(`<${open.tag}> is never closed`);
      return root;
    }
  }
  throw new Error('a piece of the document is neither a tag nor text');
};

export const all = (from: Element, matches: (element: Element) => boolean): Element[] =>
  from.children.flatMap((child) => (typeof child === 'string' ? [] : [...(matches(child) ? [child] : []), ...all(child, matches)]));
export const byTag = (from: Element, tag: string): Element[] => all(from, (element) => element.tag === tag);
export const textOf = (element: Element): string => element.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');

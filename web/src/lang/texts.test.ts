import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'svelte/compiler';
import ts from 'typescript';
import { expect, test } from 'vitest';

// What people read comes from the messages. This test reads the page's source, and names each text
// that stands in it.

const root = join(import.meta.dirname, '..');

/** What is the same in every language. */
const same = new Set(['Hubbub', 'Ctrl', 'Shift', 'Alt', 'Enter', 'Esc', 'Tab', 'https://']);
/** What looks like a text and is none, and what is told before any message can be here. */
const exceptions = new Set([
  'ui/Timeline.svelte: "] > article', 'ui/dialogs/Rules.svelte: hubbub verify-export', 'embed/embedding.svelte.ts: user ', 'embed/embedding.svelte.ts: hubbub.guest ',
  'notify/device.ts: Notification', 'text/happened.ts: pin ', 'text/happened.ts: role ', 'text/happened.ts: added ', 'embed/element.ts: The chat cannot be loaded now.',
]);
/** Attributes that are read. */
const read = new Set(['aria-label', 'aria-description', 'aria-placeholder', 'aria-roledescription', 'aria-valuetext', 'title', 'placeholder', 'alt', 'label', 'lead', 'hint', 'action', 'about', 'question']);

interface Found { readonly text: string; readonly line: number }
interface Node { readonly type: string; readonly start: number; readonly [key: string]: unknown }

/** A sentence or a name for something, and no identifier. */
const reads = (s: string): boolean => /\p{L}{2}/u.test(s) && !same.has(s.trim()) && !/^\(|px\b/.test(s);
/** What a string in code looks like if it is for people: words, or a capital and more. */
const sentence = (s: string): boolean => reads(s) && (/^\p{Lu}[\p{Ll}’]+(?:[\s.,:…?!]|$)/u.test(s) || /\p{Ll}{2}[,:;]? \p{Ll}{2}/u.test(s));

/** The texts of a component: between its elements, in attributes that are read, and in its code. */
function ofComponent(source: string): Found[] {
  const found: Found[] = [];
  const put = (text: string, at: number) => found.push({ text: text.trim().replace(/\s+/g, ' '), line: source.slice(0, at).split('\n').length });
  const code = (n: Node) => {
    if (n.type === 'Literal' && typeof n['value'] === 'string' && sentence(n['value']) && !keys.has(n['value'])) put(n['value'], n.start);
    if (n.type === 'TemplateElement') {
      const { raw } = n['value'] as { raw: string };
      if (sentence(raw.trim()) || /\p{Ll}{2} |[ ]\p{Ll}{2}/u.test(raw)) put(raw, n.start);
    }
  };
  const walk = (v: unknown, name: string): void => {
    if (Array.isArray(v)) return v.forEach((x) => walk(x, name));
    if (typeof v !== 'object' || v === null) return;
    const n = v as Node;
    if (typeof n.type !== 'string' || /^(?:ImportDeclaration|ImportExpression|Comment|StyleSheet|TS(?!AsExpression|NonNull|Satisfies).*)$/.test(n.type)) return;
    // Errors are for those who write the page.
    if (n.type === 'NewExpression' && (n['callee'] as { name?: string }).name === 'Error') return;
    if (n.type === 'StyleDirective') return;
    if (n.type === 'Text' && (name === '' || read.has(name)) && reads(n['data'] as string)) put(n['data'] as string, n.start);
    code(n);
    const inner = n.type === 'Attribute' ? (n['name'] as string) : n.type === 'RegularElement' || n.type === 'Component' ? '' : name;
    // No text is in what an attribute is named by, or in a class.
    if (n.type === 'Attribute' && /^(?:class|style|d|viewBox)$/.test(inner)) return;
    for (const [key, child] of Object.entries(n)) {
      if (!['metadata', 'comments', 'leadingComments', 'trailingComments', 'loc', 'css', 'parent'].includes(key) && !(key === 'key' && n.type === 'Property')) walk(child, inner);
    }
  };
  const { fragment, instance, module } = parse(source, { modern: true });
  walk(fragment, '');
  walk(instance?.content, '-');
  walk(module?.content, '-');
  return found;
}

/** Values that browsers give to keys. */
const keys = new Set(['Enter', 'Escape', 'ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End', 'Tab', 'PageUp', 'PageDown', 'Backspace', 'Delete', 'Dead', 'Process']);

/** The texts of a module. */
function ofModule(source: string): Found[] {
  const found: Found[] = [];
  const file = ts.createSourceFile('a.ts', source, ts.ScriptTarget.ESNext, true);
  const put = (text: string, node: ts.Node) => found.push({ text, line: file.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
  const walk = (n: ts.Node): void => {
    if (ts.isImportDeclaration(n) || ts.isTypeNode(n) || ts.isInterfaceDeclaration(n) || ts.isTypeAliasDeclaration(n) || ts.isTaggedTemplateExpression(n)) return;
    if (ts.isThrowStatement(n) || (ts.isNewExpression(n) && n.expression.getText() === 'Error')) return;
    if (ts.isStringLiteral(n) && !(ts.isPropertyAssignment(n.parent) && n.parent.name === n) && sentence(n.text) && !keys.has(n.text)) put(n.text, n);
    if ((ts.isTemplateHead(n) || ts.isTemplateMiddleOrTemplateTail(n) || ts.isNoSubstitutionTemplateLiteral(n)) && (sentence(n.text.trim()) || /\p{Ll}{2} |[ ]\p{Ll}{2}/u.test(n.text))) put(n.text, n);
    ts.forEachChild(n, walk);
  };
  walk(file);
  return found;
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
const components = files.filter((f) => f.endsWith('.svelte'));
// The client speaks English, as the server does; the page says it in other words: see describe.ts.
const modules = files.filter((f) => /^(?:ui|state|embed|notify|worker)\/.*\.ts$|^text\/(?:acts|happened|moderation|person|retention|searching|slash|time\.svelte|emojis)\.ts$/.test(f) && !f.endsWith('.test.ts') && !f.endsWith('.d.ts'));

const textsOf = (f: string): string[] => {
  const source = readFileSync(join(root, f), 'utf8');
  return (f.endsWith('.svelte') ? ofComponent(source) : ofModule(source)).filter(({ text }) => !exceptions.has(`${f}: ${text}`)).map(({ text, line }) => `${f}:${line}: ${text}`);
};

test('no text stands outside of the messages', () => {
  expect(components.length).toBeGreaterThan(80);
  expect(modules.length).toBeGreaterThan(20);
  expect([...components, ...modules].flatMap(textsOf)).toEqual([]);
}, 60_000);

test('the test sees a text wherever one may stand', () => {
  const source = `<script lang="ts">
    const label = 'Not sent';
    const at = key === 'Enter' || kind === 'message';
  </script>
  <p class="a b">Some words</p><button aria-label="Send" title={\`Send to \${name}\`}>{done ? 'It was sent' : ''}</button>
  <Confirm title="Leave {name}?" /><b>Hubbub</b>{m.send()}`;
  expect(ofComponent(source).map((f) => f.text).toSorted()).toEqual(['It was sent', 'Leave', 'Not sent', 'Send', 'Send to', 'Some words']);
  expect(ofModule("import a from 'Some words'; export const t = () => toast(`Not sent: ${why}`); const k = 'message'; const s = { 'a name': 'Save it' };").map((f) => f.text)).toEqual(['Not sent: ', 'Save it']);
});

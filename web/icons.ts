import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

interface Icon {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly node: readonly (readonly [string, Readonly<Record<string, string>>])[];
}

/**
 * The props that an icon takes. Others have no effect.
 */
export const iconProps = ['size', 'strokeWidth', 'fill', 'aria-hidden', 'aria-label'];

/** The source of a component that draws an icon of Lucide. */
export function iconSource(file: string): string {
  const data = /^const iconData = (\{.*\});$/m.exec(file)?.[1];
  if (data === undefined) throw new Error('Lucide writes its icons in another form now: see icons.ts');
  const { name, aliases = [], node } = JSON.parse(data) as Icon;
  const shapes = node.map(([tag, attributes]) => `<${tag}${Object.entries(attributes).map(([k, v]) => ` ${k}="${v}"`).join('')} />`);
  return `<script>
  const { size = 24, strokeWidth = 2, fill = 'none', 'aria-label': label } = $props();
</script>
<svg xmlns="http://www.w3.org/2000/svg" width={size} height={size} viewBox="0 0 24 24" {fill} stroke="currentColor" stroke-width={strokeWidth}
  stroke-linecap="round" stroke-linejoin="round" class="lucide ${[name, ...aliases].map((n) => `lucide-${n}`).join(' ')}" aria-hidden={label === undefined ? 'true' : undefined} aria-label={label}>${shapes.join('')}</svg>
`;
}

/**
 * Makes of each icon of Lucide a component whose shapes are a template, which the browser copies.
 * Lucide's own builds them one attribute at a time, which took most of what a row of the list cost.
 */
export function icons(): Plugin {
  return {
    name: 'icons',
    enforce: 'pre',
    load(id) {
      return /@lucide\/svelte\/dist\/icons\/[\w-]+\.svelte$/.test(id) ? iconSource(readFileSync(id, 'utf8')) : undefined;
    },
  };
}

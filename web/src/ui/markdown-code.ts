/** The code that only texts with marks need: see lazy-markdown.ts. */
export { formatted, markdown } from '../text/markdown.ts';
export { default as CodeBlock } from './CodeBlock.svelte';
export { default as Spoiler } from './Spoiler.svelte';

/** The code that only texts with marks need: see words.svelte.ts. */
export { formatted, markdown } from '../text/markdown.ts';
export { default as CodeBlock } from './CodeBlock.svelte';
export { default as Spoiler } from './Spoiler.svelte';

/** What can be done with a message, which is wanted when one is pointed at: see tools.svelte.ts. */
export { deeds } from './deeds.ts';
export { default as MessageActions } from './MessageActions.svelte';

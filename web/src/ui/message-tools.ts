/** The code that acting on a message needs: see lazy-message-tools.ts. */
export { messageActions } from './message-actions.ts';
export { default as MessageActions } from './MessageActions.svelte';

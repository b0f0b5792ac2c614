import { withMessages } from '../lang/language.svelte.ts';
import { Lazy } from '../state/lazy.svelte.ts';

/**
 * The actions on a message and their buttons. They load when the user points at a message first, or
 * soon after the room.
 */
export const messageTools = new Lazy(() => withMessages('rest', import('./message-tools.ts')));

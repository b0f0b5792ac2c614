import { need, speak } from '../src/lang/language.svelte.ts';

await speak('en', ['en-US']);
await need('room', 'rest', 'server');

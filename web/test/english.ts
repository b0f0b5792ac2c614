import { loadMessages, setLanguage } from '../src/lang/language.svelte.ts';

await setLanguage('en', ['en-US']);
await loadMessages('room', 'rest', 'server');

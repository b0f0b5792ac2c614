import '@fontsource-variable/inter/index.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import { App } from './state/app.svelte.ts';
import { setLanguage } from './lang/language.svelte.ts';
import { followKeyboard } from './state/keyboard.ts';
import Page from './ui/Page.svelte';

const target = document.getElementById('app')!;
const app = new App();
// English, where the language that is wanted cannot be loaded.
void app.appearance.languageLoaded.then((done) => (done ? undefined : setLanguage('en').catch(() => undefined))).then(() => {
  target.replaceChildren(); // the skeleton that stood there meanwhile
  followKeyboard(window, document.documentElement);
  mount(Page, { target, props: { app } });
});
// It takes what it keeps when the page is there, and is in nobody's way.
if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  setTimeout(() => void navigator.serviceWorker.register('sw.js', { updateViaCache: 'none' }).catch(() => undefined), 3_000);
}

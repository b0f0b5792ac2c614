import '@fontsource-variable/inter/index.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import { App } from './state/app.svelte.ts';
import { followKeyboard } from './state/keyboard.ts';
import Page from './ui/Page.svelte';

const target = document.getElementById('app')!;
const app = new App();
target.replaceChildren(); // the skeleton that stood there meanwhile
followKeyboard(window, document.documentElement);
mount(Page, { target, props: { app } });

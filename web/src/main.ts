import '@fontsource-variable/inter/index.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import { App } from './state/app.svelte.ts';
import Page from './ui/Page.svelte';

mount(Page, { target: document.getElementById('app')!, props: { app: new App() } });

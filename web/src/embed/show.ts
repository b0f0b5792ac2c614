import '../styles/tokens.css';
import '../styles/base.css';
import './embed.css';
import { mount, unmount } from 'svelte';
import EmbeddedChat from './EmbeddedChat.svelte';
import type { ChatElement } from './element.ts';
import { loadMessages, setLanguage } from '../lang/language.svelte.ts';
import { Embedding } from './embedding.svelte.ts';

/**
 * Sets the language: that of the attribute `lang` of an element or of its nearest ancestor with one,
 * else the browser's. All elements of a page have one language, that of the last.
 */
export async function speakFor(host: ChatElement): Promise<void> {
  const lang = host.closest('[lang]:not([lang=""])')?.getAttribute('lang');
  await Promise.all([setLanguage('system', lang ? [lang, ...navigator.languages] : navigator.languages), loadMessages('room', 'rest')]);
}

/** Shows a room in the shadow tree of an element. */
export function show(host: ChatElement, root: ShadowRoot) {
  root.replaceChildren();
  const embedding = new Embedding(host);
  const shown = mount(EmbeddedChat, { target: root, props: { host, embedding } });
  return {
    take: (token: string) => void embedding.useToken(token),
    speak: () => void speakFor(host).catch(() => undefined),
    restart: () => void embedding.restart(),
    focus: () => shown.focus(),
    close() {
      void unmount(shown);
      embedding.close();
    },
  };
}

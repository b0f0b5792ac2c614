import '../styles/tokens.css';
import '../styles/base.css';
import './embed.css';
import { mount, unmount } from 'svelte';
import EmbeddedChat from './EmbeddedChat.svelte';
import type { Host } from './element.ts';
import { Embedding } from './embedding.svelte.ts';

/** Shows a room in the shadow tree of an element. */
export function show(host: Host, root: ShadowRoot) {
  root.replaceChildren();
  const embedding = new Embedding(host);
  const shown = mount(EmbeddedChat, { target: root, props: { host, embedding } });
  return {
    take: (token: string) => void embedding.take(token),
    restart: () => void embedding.restart(),
    focus: () => shown.focus(),
    close() {
      void unmount(shown);
      embedding.close();
    },
  };
}

declare module 'virtual:messages' {
  type Load = () => Promise<{ default: Partial<import('./messages.d.ts').Messages> }>;
  const catalogues: Record<'ar' | 'de' | 'en' | 'fr' | 'ja', Record<import('./catalogues.ts').CataloguePart, Load>>;
  export default catalogues;
}

/** The messages that the service worker shows, in each language. */
declare module 'virtual:messages/worker' {
  const messages: Record<'ar' | 'de' | 'en' | 'fr' | 'ja', import('./messages.d.ts').Messages>;
  export default messages;
}

declare module '@messageformat/core/compile-module.js' {
  import type MessageFormat from '@messageformat/core';
  /** Makes a module of messages. */
  export default function compileModule(to: MessageFormat, messages: Readonly<Record<string, string>>): string;
}

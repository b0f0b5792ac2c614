import { createServer, type Server } from 'node:net';

/** A mail server that accepts everything, without encryption, and keeps it. */
export class Mailbox {
  readonly #mails: string[] = [];
  readonly #server: Server;
  url = '';

  constructor() {
    this.#server = createServer((socket) => {
      let buffer = '';
      let data = false;
      socket.on('error', () => undefined);
      socket.write('220 mailbox\r\n');
      socket.on('data', (b) => {
        buffer += b.toString();
        for (let end = buffer.indexOf(data ? '\r\n.\r\n' : '\r\n'); end >= 0; end = buffer.indexOf(data ? '\r\n.\r\n' : '\r\n')) {
          const line = buffer.slice(0, end);
          buffer = buffer.slice(end + (data ? 5 : 2));
          if (data) this.#mails.push(line.replaceAll('=\r\n', ''));
          data = !data && /^DATA/i.test(line);
          socket.write(data ? '354 go on\r\n' : /^QUIT/i.test(line) ? '221 bye\r\n' : '250 ok\r\n');
        }
      });
    });
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        this.url = `smtp+plain://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
        resolve();
      });
    });
  }
  stop(): void {
    this.#server.close();
  }

  /**
   * Returns the first link of the newest mail to an address whose subject begins so, or the first to
   * a part of the page, such as room/; undefined: there is none yet.
   */
  link(to: string, subject: string, part = ''): string | undefined {
    const mail = this.#mails.findLast((m) => m.includes(`<${to}>`) && m.includes(`Subject: ${subject}`));
    return mail && new RegExp(`https?://\\S+#/${part}\\S+`).exec(mail)?.[0].replaceAll('=3D', '=');
  }
}

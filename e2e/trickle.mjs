// A server before the server that hands a page out piece by piece, as a slow line does: the browser paints what it has,
// and what comes later must not move it.

import { createServer } from "node:http";

/**
 * trickle answers like base, but stops for a while (ms) after each part of a page, of the first dozen: where a browser that
 * waits has something to show, and what belongs above or beside it is still to come. It returns its address and a way to
 * stop it.
 */
export async function trickle(base, pause = 250) {
  const server = createServer(async (asked, answer) => {
    const got = await fetch(new URL(asked.url, base), { redirect: "manual" });
    const body = Buffer.from(await got.arrayBuffer());
    const head = Object.fromEntries(got.headers);
    delete head["content-encoding"]; // fetch has undone it
    delete head["content-length"];
    answer.writeHead(got.status, head);
    if ((head["content-type"] ?? "").startsWith("text/html")) {
      const parts = body.toString().split(/(?<=<\/(?:nav|form|header|section)>)/);
      for (const part of parts.splice(0, 12)) {
        answer.write(part);
        await new Promise((done) => setTimeout(done, pause));
      }
      answer.end(parts.join(""));
    } else answer.end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { getJson, sendJson } from "../src/http";

/** What the page gives: the cookie as it is now, and the token that was written into it. */
async function tokenSent(cookie: string): Promise<string | null> {
  const headers = JSON.stringify({ "x-csrftoken": "of-the-page" });
  const body = { getAttribute: () => headers };
  let sent: string | null = null;
  Object.assign(globalThis, {
    document: { cookie, body },
    fetch: (_url: string, { headers }: { headers: Headers }) => {
      sent = headers.get("X-CSRFToken");
      return Promise.resolve(new Response("{}"));
    },
  });
  await sendJson("POST", "/somewhere/", {});
  return sent;
}

test("who has signed in again in another tab sends the token of now, not the page's", async () => {
  assert.equal(await tokenSent("theme=dark; csrftoken=of-now"), "of-now");
  assert.equal(await tokenSent("xcsrftoken=another"), "of-the-page");
});

test("whose session has ended is told so in words for a person, and what to do", async () => {
  const answer = { detail: "Authentication credentials were not provided." };
  Object.assign(globalThis, {
    fetch: () => Promise.resolve(new Response(JSON.stringify(answer), { status: 401 })),
  });
  await assert.rejects(getJson("/somewhere/"), /not signed in any more.*another tab/);
});

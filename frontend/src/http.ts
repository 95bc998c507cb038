/**
 * Talking to our own server. What it refuses becomes an error in the words that it gave, so that
 * whoever catches it can show the message as it is.
 */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly status: number,
    /** The whole answer, where a refusal says more than a sentence. */
    readonly body: unknown = null,
  ) {
    super(message);
  }
}

const AWAY = "The server cannot be reached. Please check the connection and try again.";

export async function getJson<T>(url: string): Promise<T> {
  return readJson<T>(await ask(url, { headers: { Accept: "application/json" } }));
}

/** Sends `body` as JSON with `method`; a 204 answers null. */
export async function sendJson<T>(method: string, url: string, body?: unknown): Promise<T> {
  const headers = new Headers({ Accept: "application/json", "X-CSRFToken": token() });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const content = body === undefined ? undefined : JSON.stringify(body);
  return readJson<T>(await ask(url, { method, headers, body: content }));
}

/** Sends bytes as they are; `extra` headers go with them. */
export async function sendBytes<T>(
  method: string,
  url: string,
  bytes: BufferSource | Blob,
  extra: Record<string, string> = {},
): Promise<T> {
  const headers = new Headers({
    Accept: "application/json",
    "Content-Type": "application/octet-stream",
    "X-CSRFToken": token(),
    ...extra,
  });
  return readJson<T>(await ask(url, { method, headers, body: bytes }));
}

export async function getBytes(url: string): Promise<ArrayBuffer> {
  return (await ask(url, {})).arrayBuffer();
}

async function ask(url: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new RequestError(AWAY, 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function readJson<T>(response: Response): Promise<T> {
  return (response.status === 204 ? null : await response.json()) as T;
}

async function refusal(response: Response): Promise<RequestError> {
  const body: unknown = await response.json().catch(() => null);
  // Who sits before a page does not know what "credentials were not provided" asks of them.
  const told = response.status === 401 ? null : detailOf(body);
  return new RequestError(told ?? usual(response.status), response.status, body);
}

function detailOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null) return null;
  if ("detail" in body && typeof body.detail === "string") return body.detail;
  const first: unknown = Object.values(body)[0];
  return Array.isArray(first) && typeof first[0] === "string" ? first[0] : null;
}

function usual(status: number): string {
  if (status === 401) return "You are not signed in any more. Please sign in again in another tab.";
  if (status === 403) return "You may not do this.";
  if (status === 404) return "This is not there any more. Please reload the page.";
  return `The server could not do this (${status}). Please try again.`;
}

/**
 * The token as the cookie has it now: signing in again in another tab makes a new one, and what is
 * drawn in this one has to be kept all the same. Without it, the page's own, which htmx sends.
 */
function token(): string {
  const cookie = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie);
  if (cookie !== null) return decodeURIComponent(cookie[1]!);
  const given = document.body.getAttribute("hx-headers");
  return given === null ? "" : String((JSON.parse(given) as Record<string, string>)["x-csrftoken"]);
}

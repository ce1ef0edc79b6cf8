/** Most bytes of an error body: Knative's dead letter sink breaks on failing bodies over 768 bytes (semantics 8). */
const LIMIT = 700;

/** The JSON of an error answer, with the message shortened until all of it stays under 700 bytes. */
export function errorBody(code: string, message: string, requestId: string): string {
  const render = (text: string): string => JSON.stringify({ code, message: text, requestId });
  let body = render(message);
  for (
    let length = Math.min(message.length, LIMIT);
    Buffer.byteLength(body) >= LIMIT;
    length = Math.floor(length * 0.8)
  ) {
    body = render(`${message.slice(0, length).toWellFormed()}…`);
  }
  return body;
}

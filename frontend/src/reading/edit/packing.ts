/** Labels as they travel: gzipped, without a header, by the browser's own streams. */

export async function pack(labels: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([labels]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

export async function unpack(content: ArrayBuffer): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

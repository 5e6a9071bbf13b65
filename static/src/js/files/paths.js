// Addresses of paths: text that begins with a slash, or `=` and base64url where the bytes are no UTF-8.
const encoder = new TextEncoder();

const bytesOf = (address) => (address.startsWith("=") ? Uint8Array.from(atob(address.slice(1).replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0)) : encoder.encode(address));

/** The address of `name` in the folder. */
export function join(folder, name) {
  if (!folder.startsWith("=")) return `${folder.replace(/\/+$/, "")}/${name}`;
  const bytes = [...bytesOf(folder), ...encoder.encode(`/${name}`)];
  return `=${btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

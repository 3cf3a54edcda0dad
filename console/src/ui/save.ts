/** Gives a file to the browser to keep, under this name. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The click has begun the download; the address may go when it has been read.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

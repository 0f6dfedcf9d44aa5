/** Made by the build from the server's catalog; absent in a fresh clone. */
declare module '*/generated/catalog.json' {
  const catalog: unknown;
  export default catalog;
}

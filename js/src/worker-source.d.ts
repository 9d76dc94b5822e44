/** The worker's bundle as text, put in when the package is built. */
declare module 'worker-source' {
  const source: string;
  export default source;
}

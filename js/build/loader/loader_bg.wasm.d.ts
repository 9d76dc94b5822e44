/* tslint:disable */
/* eslint-disable */
export const memory: WebAssembly.Memory;
export const __wbg_hasher_free: (a: number, b: number) => void;
export const certificates: (a: number, b: number, c: number, d: number) => [number, number, number];
export const explain: (a: number, b: number, c: number, d: number) => [number, number, number];
export const hash: (a: number, b: number) => [number, number];
export const hasher_digest: (a: number) => [number, number];
export const hasher_new: () => number;
export const hasher_update: (a: number, b: number, c: number) => void;
export const kind: (a: number, b: number) => [number, number];
export const logHeader: (a: number, b: number, c: number, d: number) => [number, number, number];
export const verify: (a: any, b: any) => any;
export const wasm_bindgen__convert__closures_____invoke__h529bc53f0e5f0ffe: (a: number, b: number, c: any) => [number, number];
export const wasm_bindgen__convert__closures_____invoke__h64c3713d85d81422: (a: number, b: number, c: any, d: any) => void;
export const wasm_bindgen__convert__closures_____invoke__h0cdef663ed4d132f: (a: number, b: number) => void;
export const __wbindgen_malloc: (a: number, b: number) => number;
export const __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
export const __wbindgen_free: (a: number, b: number, c: number) => void;
export const __wbindgen_exn_store: (a: number) => void;
export const __externref_table_alloc: () => number;
export const __wbindgen_externrefs: WebAssembly.Table;
export const __wbindgen_destroy_closure: (a: number, b: number) => void;
export const __externref_table_dealloc: (a: number) => void;
export const __wbindgen_start: () => void;

(** The executable specification: the model's own functions, as OCaml. Only booleans, lists, pairs and
    options become OCaml's; numbers stay what they are in the model. *)

From Coq Require Extraction.
From Coq Require Import ExtrOcamlBasic.
From Omega Require Import Model Reconcile Coverage Trie.

Extraction Language OCaml.
Extraction "model.ml" reconcile cover_all genesis build.

(** The checker: sorts the batch, walks it once in canonical order with what came before at hand, and
    stops at the first event that breaks a predicate. On a merge it gives the next state. *)

From Coq Require Import List NArith Bool.
From Omega Require Import Order Sorting Model.
Import ListNotations.
Open Scope N_scope.

(** ** The next state *)

Definition is_known (s : state) (e : event) : bool :=
  match accepted s (id e) with Some (_, h) => N.eqb h (hash e) | None => false end.

(** The greater, by (lamport, id), of what a frontier was and the event; linked where either is. *)
Definition advance (old : option frontier) (e : event) : frontier :=
  let linked := negb (N.eqb (prev e) 0) in
  match old with
  | None => Frontier (lamport e) (id e) (hash e) linked
  | Some f =>
      match lex [f_lamport f; f_id f] [lamport e; id e] with
      | Lt => Frontier (lamport e) (id e) (hash e) (f_linked f || linked)
      | _ => Frontier (f_lamport f) (f_id f) (f_hash f) (f_linked f || linked)
      end
  end.

Definition accept_event (s : state) (e : event) : state :=
  State (put N.eqb (id e) (lamport e, hash e) (ids s))
        (put same_pair (node e, stream e) (advance (frontier_of s e) e) (frontiers s)).

Definition not_known (s : state) (es : list event) : list event :=
  filter (fun e => negb (is_known s e)) es.

Definition accept (s : state) (es : list event) : state := fold_left accept_event (not_known s es) s.

(** ** The walk *)

Section Walk.

Variable s : state.
Variable b : batch.
(** The batch's distinct events, ascending. *)
Variable es : list event.

Definition numbered : list (nat * log) := combine (seq 0 (length b)) b.

Definition same_stream (e f : event) : bool := N.eqb (node e) (node f) && N.eqb (stream e) (stream f).
Definition causal_only (e : event) : bool := N.leb first_causal_only (stream e).

Definition above_frontier (e : event) : bool :=
  match frontier_of s e with Some f => N.ltb (f_lamport f) (lamport e) | None => true end.

Definition id_in_batch (i : N) : bool := existsb (fun e => N.eqb (id e) i) es.
Definition id_in_state (i : N) : bool := match accepted s i with Some _ => true | None => false end.

Definition several_versions (i : N) : bool :=
  match filter (fun e => N.eqb (id e) i) es with
  | [] => false
  | [e] => match accepted s i with Some (_, h) => negb (N.eqb h (hash e)) | None => false end
  | _ => true
  end.

(** Of the events before, the nearest first: those of the stream that are not known. *)
Definition stream_before (before : list event) (e : event) : list event :=
  filter (fun f => same_stream f e && negb (is_known s f)) before.

Definition line_before (before : list event) (e : event) : list event :=
  filter above_frontier (stream_before before e).

Definition breaks_1001 (before : list event) (e : event) : bool :=
  negb (is_known s e) && negb (causal_only e) &&
  (negb (above_frontier e) || existsb (fun f => N.eqb (lamport f) (lamport e)) (stream_before before e)).

Definition breaks_1002 (e : event) : bool :=
  existsb (fun l => Nat.ltb (held_earlier e l) 2 && Nat.leb 2 (held_earlier e l + held e l)) b.

Definition in_domain (i : N) : bool := N.ltb 0 i && N.ltb i id_end.

Definition breaks_1003 (e : event) : bool :=
  negb (in_domain (id e) && forallb in_domain (deps e) && N.ltb (prev e) id_end).

Definition breaks_1004 (before : list event) (e : event) : bool :=
  negb (is_known s e) && negb (causal_only e) && above_frontier e &&
  let line := line_before before e in
  if N.eqb (prev e) 0
  then match frontier_of s e with Some f => f_linked f | None => false end ||
       existsb (fun f => negb (N.eqb (prev f) 0)) line
  else negb (several_versions (prev e)) &&
       (negb (id_in_batch (prev e)) && negb (id_in_state (prev e)) ||
        negb match line, frontier_of s e with
             | f :: _, _ => N.eqb (id f) (prev e)
             | [], Some f => N.eqb (f_id f) (prev e)
             | [], None => false
             end).

Definition breaks_2001 (e : event) : bool :=
  existsb (fun o => N.eqb (hash (of o)) (hash e) &&
    match found o with Some h => negb (N.eqb h (stated e)) | None => false end) (occurrences b).

Definition breaks_2002 (e : event) : bool :=
  negb (is_known s e) && existsb (fun d => negb (id_in_batch d) && negb (id_in_state d)) (deps e).

Definition breaks_2003 (e : event) : bool :=
  negb (is_known s e) && existsb (fun d =>
    existsb (fun f => N.eqb (id f) d && N.leb (lamport e) (lamport f)) es ||
    match accepted s d with Some (l, _) => N.leb (lamport e) l | None => false end) (deps e).

Definition holds (l : log) (e : event) : bool := existsb (fun o => N.eqb (hash (of o)) (hash e)) l.

Definition disagrees (before : list event) (e : event) : bool :=
  match accepted s (id e) with Some (_, h) => negb (N.eqb h (hash e)) | None => false end ||
  existsb (fun f => N.eqb (id f) (id e) &&
    existsb (fun l => holds (snd l) e &&
      existsb (fun m => negb (Nat.eqb (fst l) (fst m)) && holds (snd m) f) numbered) numbered) before.

(** [before] is what came before, the nearest first. *)
Definition breaks_3001 (before : list event) (e : event) : bool :=
  disagrees before e &&
  (fix none_before (rest : list event) : bool :=
    match rest with
    | [] => true
    | f :: rest' => negb (N.eqb (id f) (id e) && disagrees rest' f) && none_before rest'
    end) before.

Definition past (e : event) : list N := if N.eqb (prev e) 0 then deps e else prev e :: deps e.
Definition within (p q : list N) : bool := forallb (fun i => existsb (N.eqb i) q) p.

Definition breaks_3002 (before : list event) (e : event) : bool :=
  match claim e, past e with
  | Some c, _ :: _ =>
      existsb (fun f =>
        match claim f with
        | Some d => negb (N.eqb d c) && within (past f) (past e) && within (past e) (past f) &&
                    negb (is_known s f && is_known s e)
        | None => false
        end) before
  | _, _ => false
  end.

Definition breaks (before : list event) (e : event) (p : predicate) : bool :=
  match p with
  | P1001 => breaks_1001 before e | P1002 => breaks_1002 e | P1003 => breaks_1003 e
  | P1004 => breaks_1004 before e | P2001 => breaks_2001 e | P2002 => breaks_2002 e
  | P2003 => breaks_2003 e | P3001 => breaks_3001 before e | P3002 => breaks_3002 before e
  end.

Fixpoint walk (before rest : list event) : option (predicate * event) :=
  match rest with
  | [] => None
  | e :: rest' =>
      match find (breaks before e) catalog with
      | Some p => Some (p, e)
      | None => walk (e :: before) rest'
      end
  end.

End Walk.

Inductive verdict := Merge (next : state) | Obstruction (p : predicate) (anchor : event).

Definition distinct (b : batch) : list event := canon key (events b).

Definition reconcile (s : state) (b : batch) : verdict :=
  match walk s b (distinct b) [] (distinct b) with
  | Some (p, e) => Obstruction p e
  | None => Merge (accept s (distinct b))
  end.

Definition genesis : state := State [] [].

(** What is judged, and when each predicate is violated: `schemas/predicates.md`, said with sets and
    quantifiers and without any algorithm. A hash is a number that stands for what it hashes. *)

From Coq Require Import List NArith Bool.
From Omega Require Import Order Sorting.
Import ListNotations.
Open Scope N_scope.

(** ** Events, logs, states *)

(** What an event hash covers; [stated] stands for payload length and payload hash. *)
Record event := Event {
  lamport : N; node : N; stream : N; id : N; prev : N;
  claim : option N; stated : N; deps : list N; hash : N }.

(** An event as it stands in a log; [found] is what the payload at hand hashes to, or what it was seen
    to hash to before it was erased. None: erased, and nothing is known of it. *)
Record occurrence := Occurrence { of : event; found : option N }.

Definition log := list occurrence.
Definition batch := list log.

Definition occurrences (b : batch) : log := concat b.
Definition events (b : batch) : list event := map of (occurrences b).

(** The greatest accepted event of a stream. *)
Record frontier := Frontier { f_lamport : N; f_id : N; f_hash : N; f_linked : bool }.

(** Accepted ids with lamport and hash; frontiers by (node, stream). *)
Record state := State { ids : list (N * (N * N)); frontiers : list ((N * N) * frontier) }.

Section Maps.
Context {Key Value : Type} (same : Key -> Key -> bool).

Fixpoint get (k : Key) (m : list (Key * Value)) : option Value :=
  match m with
  | [] => None
  | (k', v) :: rest => if same k k' then Some v else get k rest
  end.

(** Inserts, or replaces by key. *)
Fixpoint put (k : Key) (v : Value) (m : list (Key * Value)) : list (Key * Value) :=
  match m with
  | [] => [(k, v)]
  | (k', v') :: rest => if same k k' then (k, v) :: rest else (k', v') :: put k v rest
  end.
End Maps.

Definition same_pair (a b : N * N) : bool := N.eqb (fst a) (fst b) && N.eqb (snd a) (snd b).

Definition accepted (s : state) (i : N) : option (N * N) := get N.eqb i (ids s).
Definition frontier_of (s : state) (e : event) : option frontier :=
  get same_pair (node e, stream e) (frontiers s).

(** ** Canonical order *)

(** Ids end before 2^112; order looks at so many bits first. *)
Definition id_end : N := 2 ^ 112.
Definition id_mask : N := N.ones 112.

(** The fields of K, then what breaks ties. *)
Definition key (e : event) : list N := [lamport e; node e; stream e; N.land (id e) id_mask; id e; hash e].

Definition earlier (a b : event) : Prop := lt key a b.

(** The hash tells events apart. *)
Definition hash_fits (b : batch) : Prop :=
  forall e f, In e (events b) -> In f (events b) -> hash e = hash f -> e = f.

(** ** Words of the predicates *)

(** Streams from here on are causal-only. *)
Definition first_causal_only : N := 2 ^ 15.

Section Predicates.

Variable s : state.
Variable b : batch.

Definition In_batch (e : event) : Prop := In e (events b).

Definition Known (e : event) : Prop := exists l, accepted s (id e) = Some (l, hash e).

Definition Same_stream (e f : event) : Prop := node e = node f /\ stream e = stream f.
Definition Causal_only (e : event) : Prop := first_causal_only <= stream e.

(** Its past: what it depends on and follows. *)
Definition Past (e : event) (i : N) : Prop := In i (deps e) \/ (prev e <> 0 /\ i = prev e).

Definition Above_frontier (e : event) : Prop :=
  match frontier_of s e with Some f => f_lamport f < lamport e | None => True end.

(** On the line of its stream, apart from the frontier itself. *)
Definition On_line (e : event) : Prop := In_batch e /\ ~ Known e /\ Above_frontier e.

Definition Id_in_batch (i : N) : Prop := exists e, In_batch e /\ id e = i.
Definition Id_in_state (i : N) : Prop := accepted s i <> None.

(** More than one event has this id, and one of them is in the batch. *)
Definition Several_versions (i : N) : Prop :=
  exists e, In_batch e /\ id e = i /\
    ((exists f, In_batch f /\ id f = i /\ f <> e) \/ (exists l h, accepted s i = Some (l, h) /\ h <> hash e)).

(** Names the event before [e] on the line, or the frontier where there is none. *)
Definition Next_smaller (e : event) (i : N) : Prop :=
  (exists f, On_line f /\ Same_stream f e /\ earlier f e /\ id f = i /\
    forall g, On_line g -> Same_stream g e -> earlier g e -> earlier f g -> False) \/
  ((forall g, On_line g -> Same_stream g e -> ~ earlier g e) /\
    exists f, frontier_of s e = Some f /\ f_id f = i).

(** ** The predicates: [e] is the anchor of a violation *)

Definition Violates_1001 (e : event) : Prop :=
  In_batch e /\ ~ Known e /\ ~ Causal_only e /\
  (~ Above_frontier e \/
   exists f, In_batch f /\ ~ Known f /\ Same_stream f e /\ earlier f e /\ lamport f = lamport e).

(** How often a log holds the event, and how often an earlier version of its id. *)
Definition held (e : event) (l : log) : nat :=
  length (filter (fun o => N.eqb (hash (of o)) (hash e)) l).
Definition held_earlier (e : event) (l : log) : nat :=
  length (filter (fun o => N.eqb (id (of o)) (id e) && ltb key (of o) e) l).

(** The second occurrence of its id in some log is an occurrence of [e]. *)
Definition Violates_1002 (e : event) : Prop :=
  In_batch e /\ exists l, In l b /\ (held_earlier e l < 2 <= held_earlier e l + held e l)%nat.

Definition In_domain (i : N) : Prop := 0 < i < id_end.

Definition Violates_1003 (e : event) : Prop :=
  In_batch e /\ ~ (In_domain (id e) /\ (forall d, In d (deps e) -> In_domain d) /\ prev e < id_end).

Definition Linked_below (e : event) : Prop :=
  (exists f, frontier_of s e = Some f /\ f_linked f = true) \/
  (exists f, On_line f /\ Same_stream f e /\ earlier f e /\ prev f <> 0).

Definition Gap (e : event) : Prop := ~ Id_in_batch (prev e) /\ ~ Id_in_state (prev e).

Definition Violates_1004 (e : event) : Prop :=
  On_line e /\ ~ Causal_only e /\
  ((prev e = 0 /\ Linked_below e) \/
   (prev e <> 0 /\ ~ Several_versions (prev e) /\ (Gap e \/ ~ Next_smaller e (prev e)))).

Definition Violates_2001 (e : event) : Prop :=
  exists o h, In o (occurrences b) /\ of o = e /\ found o = Some h /\ h <> stated e.

Definition Violates_2002 (e : event) : Prop :=
  In_batch e /\ ~ Known e /\ exists d, In d (deps e) /\ ~ Id_in_batch d /\ ~ Id_in_state d.

Definition Violates_2003 (e : event) : Prop :=
  In_batch e /\ ~ Known e /\ exists d, In d (deps e) /\
    ((exists f, In_batch f /\ id f = d /\ lamport e <= lamport f) \/
     (exists l h, accepted s d = Some (l, h) /\ lamport e <= l)).

Definition Holds (l : log) (e : event) : Prop := exists o, In o l /\ of o = e.

(** A version that cannot live together with the prior state, or with a smaller one in another log. *)
Definition Disagrees (e : event) : Prop :=
  In_batch e /\
  ((exists l h, accepted s (id e) = Some (l, h) /\ h <> hash e) \/
   (exists i j l m f, nth_error b i = Some l /\ nth_error b j = Some m /\ i <> j /\
      Holds l e /\ Holds m f /\ id f = id e /\ earlier f e)).

(** The smallest such version of its id. *)
Definition Violates_3001 (e : event) : Prop :=
  Disagrees e /\ forall f, Disagrees f -> id f = id e -> ~ earlier f e.

Definition Violates_3002 (e : event) : Prop :=
  In_batch e /\ claim e <> None /\ (exists i, Past e i) /\
  exists f, In_batch f /\ earlier f e /\ claim f <> None /\ claim f <> claim e /\
    (forall i, Past f i <-> Past e i) /\ ~ (Known f /\ Known e).

(** The catalog, in the order in which violations at one anchor are named. *)
Inductive predicate := P1002 | P3001 | P1001 | P1003 | P1004 | P2001 | P2002 | P2003 | P3002.

Definition catalog := [P1002; P3001; P1001; P1003; P1004; P2001; P2002; P2003; P3002].

Definition rank (p : predicate) : nat :=
  match p with
  | P1002 => 0 | P3001 => 1 | P1001 => 2 | P1003 => 3 | P1004 => 4
  | P2001 => 5 | P2002 => 6 | P2003 => 7 | P3002 => 8
  end.

Definition Violates (p : predicate) (e : event) : Prop :=
  match p with
  | P1001 => Violates_1001 e | P1002 => Violates_1002 e | P1003 => Violates_1003 e
  | P1004 => Violates_1004 e | P2001 => Violates_2001 e | P2002 => Violates_2002 e
  | P2003 => Violates_2003 e | P3001 => Violates_3001 e | P3002 => Violates_3002 e
  end.

(** Nothing is violated. *)
Definition Agrees : Prop := forall p e, ~ Violates p e.

(** The violation that an obstruction is about. *)
Definition First (p : predicate) (e : event) : Prop :=
  Violates p e /\
  forall q f, Violates q f -> earlier e f \/ (e = f /\ (rank p <= rank q)%nat).

End Predicates.

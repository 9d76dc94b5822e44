(** Coverage: how many units of each predicate were judged, skipped, known and violated. *)

From Coq Require Import List NArith Lia Bool.
From Omega Require Import Order Sorting Model Reconcile.
Import ListNotations.
Open Scope N_scope.

Inductive class := Judged | Skipped | Is_known.

Record coverage := Coverage { judged : nat; skipped : nat; known : nat; violated : nat }.

Definition is_class (c d : class) : bool :=
  match c, d with Judged, Judged | Skipped, Skipped | Is_known, Is_known => true | _, _ => false end.

Section Covering.

Variable s : state.
Variable b : batch.
Variable es : list event.

Definition count {A} (test : A -> bool) (l : list A) : nat := length (filter test l).

Definition cover {A} (classify : A -> class) (units : list A) (violated : nat) : coverage :=
  let of_class c := count (fun u => is_class c (classify u)) units in
  Coverage (of_class Judged) (of_class Skipped) (of_class Is_known) violated.

(** Each event with those before it, the nearest first. *)
Fixpoint places (before rest : list event) : list (list event * event) :=
  match rest with
  | [] => []
  | e :: rest' => (before, e) :: places (e :: before) rest'
  end.

Definition breaking (p : predicate) : nat :=
  count (fun place => breaks s b es (fst place) (snd place) p) (places [] es).

Definition unless_known (c : class) (e : event) : class := if is_known s e then Is_known else c.

Definition class_1001 (e : event) : class := unless_known (if causal_only e then Skipped else Judged) e.

Definition class_1004 (e : event) : class :=
  unless_known (if causal_only e || negb (above_frontier s e) ||
    negb (N.eqb (prev e) 0) && several_versions s es (prev e) then Skipped else Judged) e.

Definition class_2001 (o : occurrence) : class := match found o with Some _ => Judged | None => Skipped end.

Fixpoint distinct_numbers (l : list N) : list N :=
  match l with
  | [] => []
  | n :: rest => if existsb (N.eqb n) rest then distinct_numbers rest else n :: distinct_numbers rest
  end.

Definition class_3001 (i : N) : class :=
  let logs := count (fun l => existsb (fun o => N.eqb (id (of o)) i) l) b in
  if id_in_state s i || Nat.leb 2 logs then Judged else Skipped.

Definition class_3002 (e : event) : class :=
  let comparable f :=
    negb (N.eqb (hash f) (hash e)) &&
    match claim f with Some _ => true | None => false end &&
    within (past f) (past e) && within (past e) (past f) && negb (is_known s f && is_known s e) in
  match claim e, past e with
  | Some _, _ :: _ => if existsb comparable es then Judged else unless_known Skipped e
  | _, _ => unless_known Skipped e
  end.

Definition twice_in (l : log) : nat :=
  let in_log := map (fun o => id (of o)) l in length in_log - length (distinct_numbers in_log).

Definition covered (p : predicate) : coverage :=
  let all := occurrences b in
  match p with
  | P1001 => cover class_1001 es (breaking P1001)
  | P1002 => cover (fun _ => Judged) all (fold_right (fun l sum => twice_in l + sum)%nat O b)
  | P1003 => cover (fun _ => Judged) all (count (fun o => breaks_1003 (of o)) all)
  | P1004 => cover class_1004 es (breaking P1004)
  | P2001 => cover class_2001 all (count (fun o =>
      match found o with Some h => negb (N.eqb h (stated (of o))) | None => false end) all)
  | P2002 => cover (unless_known Judged) es (breaking P2002)
  | P2003 => cover (unless_known Judged) es (breaking P2003)
  | P3001 => cover class_3001 (distinct_numbers (map id es)) (breaking P3001)
  | P3002 => cover class_3002 es (breaking P3002)
  end.

Definition units (p : predicate) : nat :=
  match p with
  | P1002 | P1003 | P2001 => length (occurrences b)
  | P3001 => length (distinct_numbers (map id es))
  | _ => length es
  end.

Lemma cover_adds_up : forall A (classify : A -> class) l v,
  let c := cover classify l v in (judged c + skipped c + known c = length l)%nat.
Proof.
  intros A classify l v. simpl. unfold count.
  induction l as [| u l IH]; simpl; auto. destruct (classify u); simpl; lia.
Qed.

(** Each unit is counted once. *)
Theorem coverage_adds_up : forall p,
  (judged (covered p) + skipped (covered p) + known (covered p) = units p)%nat.
Proof. intros []; apply cover_adds_up. Qed.

End Covering.

Definition cover_all (s : state) (b : batch) : list coverage :=
  let es := distinct b in map (covered s b es) [P1001; P1002; P1003; P1004; P2001; P2002; P2003; P3001; P3002].

(** Proofs of presence and absence. `schemas/state.md`, "Proofs": a proof is the walk that a key takes and the leaf
    where it ends. That no two different nodes have one hash is a premise of every theorem here. *)

From Coq Require Import List NArith Lia Bool.
From Omega Require Import Trie.
Import ListNotations.
Open Scope N_scope.

Section Proofs.

Variable width : N.
Variable V H : Type.

Variable empty : H.
Variable leaf_hash : N -> V -> H.
Variable branch_hash : N -> H -> H -> H.

(** Collision-freedom, also between kinds of nodes: their domains differ. *)
Record Collision_free : Prop := {
  leaf_once : forall k v k' v', leaf_hash k v = leaf_hash k' v' -> k = k' /\ v = v';
  branch_once : forall i l r i' l' r', branch_hash i l r = branch_hash i' l' r' -> i = i' /\ l = l' /\ r = r';
  leaf_no_branch : forall k v i l r, leaf_hash k v <> branch_hash i l r;
  empty_no_leaf : forall k v, empty <> leaf_hash k v;
  empty_no_branch : forall i l r, empty <> branch_hash i l r }.

Fixpoint root (t : trie V) : H :=
  match t with
  | Leaf k v => leaf_hash k v
  | Branch i l r => branch_hash i (root l) (root r)
  end.

Definition root_of (t : option (trie V)) : H := match t with None => empty | Some t => root t end.

(** The leaf where the walk ends, and the branches on the way from the root: bit, and the child not taken. *)
Record proof := Proof { leaf : option (N * V); steps : list (N * H) }.

Definition step (q : N) (s : N * H) (node : H) : H :=
  if bit width (fst s) q then branch_hash (fst s) (snd s) node else branch_hash (fst s) node (snd s).

Definition climb (q : N) (from : H) (steps : list (N * H)) : H := fold_right (step q) from steps.

(** What a proof shows of key [q] under a root: its value, or that there is none. The kernel asks for more than this
    (bits in order, lengths that fit the count, a leaf on the way of the key), so it accepts no other proofs. *)
Inductive Shows (r : H) (q : N) : proof -> option V -> Prop :=
| shows_nothing : r = empty -> Shows r q (Proof None []) None
| shows_present : forall v ss, climb q (leaf_hash q v) ss = r -> Shows r q (Proof (Some (q, v)) ss) (Some v)
| shows_absent : forall k v ss, k <> q -> climb q (leaf_hash k v) ss = r -> Shows r q (Proof (Some (k, v)) ss) None.

Hypothesis free : Collision_free.

Lemma step_no_leaf : forall q s n k v, leaf_hash k v <> step q s n.
Proof. intros. unfold step. destruct (bit width (fst s) q); apply (leaf_no_branch free). Qed.

Lemma climb_no_empty : forall q k v ss, empty <> climb q (leaf_hash k v) ss.
Proof.
  intros q k v [| s ss]; simpl; [apply (empty_no_leaf free) |].
  unfold step. destruct (bit width (fst s) q); apply (empty_no_branch free).
Qed.

Lemma climb_once : forall q k v k' v' ss ss',
  climb q (leaf_hash k v) ss = climb q (leaf_hash k' v') ss' -> k = k' /\ v = v' /\ ss = ss'.
Proof.
  induction ss as [| [i n] ss IH]; intros [| [j m] ss']; simpl; intro E.
  - destruct (leaf_once free _ _ _ _ E). auto.
  - destruct (step_no_leaf _ _ _ _ _ E).
  - symmetry in E. destruct (step_no_leaf _ _ _ _ _ E).
  - unfold step in E. simpl in E. destruct (bit width i q) eqn:Bi; destruct (bit width j q) eqn:Bj;
      apply (branch_once free) in E; destruct E as (Ei & El & Er); subst j; try congruence.
    + destruct (IH _ Er) as (-> & -> & ->). subst. auto.
    + destruct (IH _ El) as (-> & -> & ->). subst. auto.
Qed.

(** *** Under one root, presence and absence of a key are not both shown, nor two values: whoever made the root. *)
Theorem one_answer_per_root : forall r q p p' a a', Shows r q p a -> Shows r q p' a' -> a = a'.
Proof.
  intros r q p p' a a' S S'. destruct S as [E | v ss E | k v ss N E]; destruct S' as [E' | v' ss' E' | k' v' ss' N' E'];
    subst; auto.
  - destruct (climb_no_empty q q v' ss'); auto.
  - destruct (climb_no_empty q q v ss); auto.
  - destruct (climb_once _ _ _ _ _ _ _ E') as (_ & -> & _). reflexivity.
  - destruct (climb_once _ _ _ _ _ _ _ E') as (-> & _ & _). contradiction.
  - destruct (climb_once _ _ _ _ _ _ _ E') as (<- & _ & _). contradiction.
Qed.

Corollary presence_excludes_absence : forall r q p p' v, Shows r q p (Some v) -> Shows r q p' None -> False.
Proof. intros r q p p' v S S'. discriminate (one_answer_per_root _ _ _ _ _ _ S S'). Qed.

(** ** Against a trie *)

Lemma walk_ends_at_leaf : forall t q k v ss, climb q (leaf_hash k v) ss = root t -> In (k, v) (entries t) /\
  (Shaped width t -> forall u, In (q, u) (entries t) -> q = k).
Proof.
  induction t as [k0 v0 | i l IHl r IHr]; intros q k v ss E.
  - destruct ss as [| s ss]; simpl in E.
    + destruct (leaf_once free _ _ _ _ E) as [-> ->]. split; [now left |].
      intros _ u [I | []]. congruence.
    + symmetry in E. destruct (step_no_leaf _ _ _ _ _ E).
  - destruct ss as [| [j n] ss]; simpl in E.
    + destruct (leaf_no_branch free _ _ _ _ _ E).
    + unfold step in E. simpl in E.
      destruct (bit width j q) eqn:B; apply (branch_once free) in E; destruct E as (-> & El & Er).
      * destruct (IHr q k v ss Er) as [I W]. split; [simpl; apply in_app_iff; auto |].
        intros S u Iu. inversion S as [| ? ? ? Sl Sr Hi Zeros Ones Same]; subst.
        simpl in Iu. apply in_app_iff in Iu. destruct Iu as [Iu | Iu]; [| now apply (W Sr u)].
        rewrite (Zeros q) in B; [discriminate | now exists u].
      * destruct (IHl q k v ss El) as [I W]. split; [simpl; apply in_app_iff; auto |].
        intros S u Iu. inversion S as [| ? ? ? Sl Sr Hi Zeros Ones Same]; subst.
        simpl in Iu. apply in_app_iff in Iu. destruct Iu as [Iu | Iu]; [now apply (W Sl u) |].
        rewrite (Ones q) in B; [discriminate | now exists u].
Qed.

Definition contains (t : option (trie V)) (q : N) (v : V) : Prop :=
  match t with None => False | Some t => In (q, v) (entries t) end.

Definition shaped (t : option (trie V)) : Prop := match t with None => True | Some t => Shaped width t end.

(** *** What a proof shows under the root of a trie is so in the trie. *)
Theorem proofs_tell_the_truth : forall t q p a, shaped t -> Shows (root_of t) q p a ->
  match a with Some v => contains t q v | None => forall v, ~ contains t q v end.
Proof.
  intros [t |] q p a S P; simpl in *.
  - destruct P as [E | v ss E | k v ss N E].
    + exfalso. destruct t; simpl in E; symmetry in E; [apply (empty_no_leaf free) in E | apply (empty_no_branch free) in E]; auto.
    + now apply (walk_ends_at_leaf t q q v ss).
    + intros u I. apply N. symmetry. now apply (proj2 (walk_ends_at_leaf t q k v ss E) S u).
  - destruct P as [E | v ss E | k v ss N E]; auto; exfalso; symmetry in E; now apply climb_no_empty in E.
Qed.

(** The walk of a key. *)
Fixpoint walk (q : N) (t : trie V) : (N * V) * list (N * H) :=
  match t with
  | Leaf k v => ((k, v), [])
  | Branch i l r =>
      if bit width i q then let (e, ss) := walk q r in (e, (i, root l) :: ss)
      else let (e, ss) := walk q l in (e, (i, root r) :: ss)
  end.

Lemma walk_climbs : forall q t, climb q (leaf_hash (fst (fst (walk q t))) (snd (fst (walk q t)))) (snd (walk q t)) = root t.
Proof.
  induction t as [k v | i l IHl r IHr]; simpl; auto.
  destruct (bit width i q) eqn:B; [destruct (walk q r) | destruct (walk q l)]; simpl in *;
    unfold step at 1; simpl; rewrite B; congruence.
Qed.

(** *** Of every key, a proof shows what is so. *)
Theorem every_key_has_a_proof : forall t q, shaped t -> exists p a, Shows (root_of t) q p a.
Proof.
  intros [t |] q _; simpl.
  - pose proof (walk_climbs q t) as E. destruct (walk q t) as [[k v] ss]. simpl in E.
    destruct (N.eq_dec k q) as [-> | N].
    + exists (Proof (Some (q, v)) ss), (Some v). now apply shows_present.
    + exists (Proof (Some (k, v)) ss), None. now apply shows_absent.
  - exists (Proof None []), None. now apply shows_nothing.
Qed.

End Proofs.

(** The premise can be met: by hashes that keep all that they hash. *)
Inductive kept (V : Type) := Empty | Leaf_of (k : N) (v : V) | Branch_of (i : N) (l r : kept V).

Theorem collision_free_is_possible : forall V, Collision_free V (kept V) (Empty V) (Leaf_of V) (Branch_of V).
Proof. intro V. constructor; try discriminate; intros * E; injection E; auto. Qed.

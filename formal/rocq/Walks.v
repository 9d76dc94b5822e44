(** Honest proofs pass: the walk of any key through a trie meets every rule that a verifier has.
    `schemas/state.md`, "Proofs", rules 1 to 4. *)

From Coq Require Import List NArith Lia Bool Sorted.
From Omega Require Import Trie TrieProof.
Import ListNotations.
Open Scope N_scope.

Section Walks.

Variable width : N.
Variable V H : Type.
Variable empty : H.
Variable leaf_hash : N -> V -> H.
Variable branch_hash : N -> H -> H -> H.

Notation walk := (TrieProof.walk width V H leaf_hash branch_hash).
Notation root_of := (TrieProof.root_of V H empty leaf_hash branch_hash).

(** What a verifier demands besides the root: rules 1 to 3. *)
Definition Well_formed (count : nat) (q : N) (p : proof V H) : Prop :=
  match leaf V H p with
  | None => count = 0%nat /\ steps V H p = []
  | Some (k, _) =>
      (length (steps V H p) < count)%nat /\ ((1 < count)%nat -> steps V H p <> []) /\
      StronglySorted N.lt (map fst (steps V H p)) /\
      Forall (fun s => fst s < width) (steps V H p) /\
      Forall (fun s => bit width (fst s) k = bit width (fst s) q) (steps V H p)
  end.

(** A proof that the verifier takes, and what it then says of the key. *)
Definition Verifies (r : H) (count : nat) (q : N) (p : proof V H) (a : option V) : Prop :=
  Well_formed count q p /\ Shows width V H empty leaf_hash branch_hash r q p a.

Definition size (t : option (trie V)) : nat := match t with None => 0 | Some t => length (entries t) end.

Lemma size_positive : forall t : trie V, (0 < length (entries t))%nat.
Proof. induction t as [k v | i l IHl r IHr]; simpl; [lia |]. rewrite app_length. lia. Qed.

(** Below a branch stand branches of later bits only. *)
Lemma bits_ascend : forall i (l r : trie V), Shaped width (Branch i l r) ->
  (forall j l' r', l = Branch j l' r' -> i < j) /\ (forall j l' r', r = Branch j l' r' -> i < j).
Proof.
  intros i l r S. inversion S as [| ? ? ? Sl Sr Hi Zeros Ones Same]; subst.
  assert (Later : forall t : trie V, Shaped width t -> (forall x y, Has t x -> Has t y -> bit width i x = bit width i y) ->
    (forall x, Has t x -> Has l x \/ Has r x) -> forall j l' r', t = Branch j l' r' -> i < j).
  { intros t St Eq In_either j l' r' ->. inversion St as [| ? ? ? Sl' Sr' Hj Zeros' Ones' Same']; subst.
    destruct (some_key V l') as (x & Hx). destruct (some_key V r') as (y & Hy).
    assert (Tx : Has (Branch j l' r') x) by (apply has_branch; auto).
    assert (Ty : Has (Branch j l' r') y) by (apply has_branch; auto).
    assert (D : bit width j x <> bit width j y) by (rewrite (Zeros' x Hx), (Ones' y Hy); discriminate).
    destruct (N.lt_trichotomy i j) as [| [-> | L]]; auto; exfalso; apply D; auto. }
  split; eapply Later; eauto.
  - intros x y Hx Hy. now rewrite (Zeros x Hx), (Zeros y Hy).
  - intros x y Hx Hy. now rewrite (Ones x Hx), (Ones y Hy).
Qed.

(** The first bit of a walk is that of the trie's first branch. *)
Lemma first_step : forall q t, match snd (walk q t) with
  | [] => True
  | s :: _ => exists l r, t = Branch (fst s) l r
  end.
Proof.
  intros q [k v | i l r]; simpl; auto.
  destruct (bit width i q); [destruct (walk q r) | destruct (walk q l)]; simpl; eauto.
Qed.

Lemma walk_well_formed : forall t, Shaped width t -> forall q,
  Well_formed (length (entries t)) q (Proof V H (Some (fst (walk q t))) (snd (walk q t))) /\
  In (fst (walk q t)) (entries t).
Proof.
  induction t as [k v | i l IHl r IHr]; intros S q.
  - unfold Well_formed. simpl. repeat split; auto; try (intros; lia); constructor.
  - pose proof (bits_ascend _ _ _ S) as [Al Ar].
    inversion S as [| ? ? ? Sl Sr Hi Zeros Ones Same]; subst.
    pose proof (size_positive l) as Pl. pose proof (size_positive r) as Pr.
    pose proof (first_step q l) as Fl. pose proof (first_step q r) as Fr.
    specialize (IHl Sl q). specialize (IHr Sr q).
    unfold Well_formed in *. simpl in *. rewrite app_length.
    assert (Sorted_below : forall ss : list (N * H), StronglySorted N.lt (map fst ss) ->
      match ss with [] => True | s :: _ => i < fst s end -> Forall (N.lt i) (map fst ss)).
    { intros [| s ss] So Lt; simpl in *; constructor; auto. inversion So as [| ? ? _ F]; subst.
      rewrite Forall_forall in *. intros x Hx. specialize (F x Hx). lia. }
    destruct (bit width i q) eqn:B.
    + destruct (walk q r) as [[k v] ss]. simpl in *. destruct IHr as ((L & _ & So & W & A) & I).
      assert (First : match ss with [] => True | s :: _ => i < fst s end).
      { destruct ss; auto. destruct Fr as (l' & r' & E). eauto. }
      repeat split; try (constructor; auto); try lia; try discriminate.
      * simpl. rewrite B. apply Ones. now exists v.
      * apply in_app_iff. auto.
    + destruct (walk q l) as [[k v] ss]. simpl in *. destruct IHl as ((L & _ & So & W & A) & I).
      assert (First : match ss with [] => True | s :: _ => i < fst s end).
      { destruct ss; auto. destruct Fl as (l' & r' & E). eauto. }
      repeat split; try (constructor; auto); try lia; try discriminate.
      * simpl. rewrite B. apply Zeros. now exists v.
      * apply in_app_iff. auto.
Qed.

(** *** Of every key there is a proof that a verifier takes. *)
Theorem honest_proofs_verify : forall t q, shaped width V t ->
  exists p a, Verifies (root_of t) (size t) q p a.
Proof.
  intros [t |] q S; simpl in *.
  - destruct (walk_well_formed t S q) as [W _].
    pose proof (walk_climbs width V H leaf_hash branch_hash q t) as E.
    destruct (walk q t) as [[k v] ss]. simpl in *. destruct (N.eq_dec k q) as [-> | N].
    + exists (Proof V H (Some (q, v)) ss), (Some v). split; [exact W | now apply shows_present].
    + exists (Proof V H (Some (k, v)) ss), None. split; [exact W | now apply shows_absent].
  - exists (Proof V H None []), None. split; [now split | now apply shows_nothing].
Qed.

(** *** And what it takes is true, where hashes do not collide. *)
Theorem verified_is_true : Collision_free V H empty leaf_hash branch_hash -> forall t q p a, shaped width V t ->
  Verifies (root_of t) (size t) q p a ->
  match a with Some v => contains V t q v | None => forall v, ~ contains V t q v end.
Proof.
  intros free t q p a S [_ Sh]. exact (proofs_tell_the_truth width V H empty leaf_hash branch_hash free t q p a S Sh).
Qed.

End Walks.

(** Sorting by a key: one result for each set, and for each multiset, as long as no two elements share
    a key. *)

From Coq Require Import List NArith Lia Bool Permutation Sorted.
From Omega Require Import Order.
Import ListNotations.
Open Scope N_scope.

Section Keyed.

Variable A : Type.
Variable key : A -> list N.

Definition lt (a b : A) : Prop := lex_lt (key a) (key b).
Definition le (a b : A) : Prop := lex_le (key a) (key b).
Definition ltb (a b : A) : bool := match lex (key a) (key b) with Lt => true | _ => false end.

Lemma ltb_lt : forall a b, ltb a b = true <-> lt a b.
Proof. unfold ltb, lt, lex_lt. intros a b. destruct (lex (key a) (key b)); split; congruence. Qed.

Lemma lt_irreflexive : forall a, ~ lt a a.
Proof. intros a. apply lex_lt_irreflexive. Qed.

Lemma lt_transitive : forall a b c, lt a b -> lt b c -> lt a c.
Proof. intros a b c. apply lex_lt_transitive. Qed.

Lemma lt_asymmetric : forall a b, lt a b -> ~ lt b a.
Proof. intros a b. apply lex_lt_asymmetric. Qed.

(** No two elements share a key. *)
Definition apart (l : list A) : Prop := forall a b, In a l -> In b l -> key a = key b -> a = b.

Lemma apart_total : forall l a b, apart l -> In a l -> In b l -> lt a b \/ a = b \/ lt b a.
Proof.
  intros l a b H Ha Hb. destruct (lex_total (key a) (key b)) as [| [E |]]; auto.
Qed.

(** ** Sets: each element once *)

Fixpoint insert (a : A) (l : list A) : list A :=
  match l with
  | [] => [a]
  | b :: rest =>
      match lex (key a) (key b) with
      | Lt => a :: l
      | Eq => l
      | Gt => b :: insert a rest
      end
  end.

(** The distinct elements, ascending. *)
Definition canon (l : list A) : list A := fold_right insert [] l.

Lemma insert_in : forall a l x, In x (insert a l) -> x = a \/ In x l.
Proof.
  induction l as [| b l IH]; simpl; intros x H.
  - intuition.
  - destruct (lex (key a) (key b)); simpl in H; intuition.
    destruct (IH _ H0); auto.
Qed.

Lemma canon_in_list : forall l x, In x (canon l) -> In x l.
Proof.
  induction l as [| a l IH]; simpl; intros x H; auto.
  destruct (insert_in _ _ _ H) as [-> |]; auto.
Qed.

Lemma insert_keeps : forall a l x, In x l -> In x (insert a l).
Proof.
  induction l as [| b l IH]; simpl; intros x H; auto.
  destruct (lex (key a) (key b)); simpl; intuition.
Qed.

Lemma insert_has : forall a l, apart (a :: l) -> In a (insert a l).
Proof.
  induction l as [| b l IH]; simpl; intros H; auto.
  destruct (lex (key a) (key b)) eqn:E; simpl; auto.
  - apply lex_eq in E. left. symmetry. apply H; simpl; auto.
  - right. apply IH. intros x y Hx Hy. apply H; simpl in *; intuition.
Qed.

Lemma apart_incl : forall l m, apart m -> incl l m -> apart l.
Proof. intros l m H I a b Ha Hb. apply H; auto. Qed.

Lemma canon_in : forall l x, apart l -> (In x (canon l) <-> In x l).
Proof.
  intros l x H. split; [apply canon_in_list |]. revert x.
  induction l as [| a l IH]; simpl; intros x Hx; auto.
  assert (Hl : apart l) by (apply (apart_incl _ _ H); now right).
  destruct Hx as [-> | Hx].
  - apply insert_has. apply (apart_incl _ _ H). intros y [-> | Hy]; [now left | right].
    now apply canon_in_list.
  - apply insert_keeps. auto.
Qed.

Definition ascending : list A -> Prop := StronglySorted lt.

Lemma insert_ascending : forall a l, ascending l -> ascending (insert a l).
Proof.
  unfold ascending. induction l as [| b l IH]; simpl; intros H.
  - constructor; constructor.
  - inversion H as [| ? ? Hl Hb]; subst. destruct (lex (key a) (key b)) eqn:E; auto.
    + constructor; auto. constructor; auto.
      rewrite Forall_forall in *. intros x Hx. exact (lt_transitive _ _ _ E (Hb _ Hx)).
    + constructor; auto. rewrite Forall_forall in *. intros x Hx.
      destruct (insert_in _ _ _ Hx) as [-> |]; auto. now apply lex_gt.
Qed.

Theorem canon_ascending : forall l, ascending (canon l).
Proof. induction l; simpl; [constructor | now apply insert_ascending]. Qed.

Lemma ascending_nodup : forall l, ascending l -> NoDup l.
Proof.
  unfold ascending. induction l as [| a l IH]; intros H; constructor; inversion H; subst; auto.
  intro Ha. rewrite Forall_forall in *. exact (lt_irreflexive a (H3 _ Ha)).
Qed.

(** A set has one ascending list. *)
Theorem ascending_unique : forall l m, ascending l -> ascending m -> (forall x, In x l <-> In x m) -> l = m.
Proof.
  unfold ascending. induction l as [| a l IH]; intros m Hl Hm E.
  - destruct m as [| b m]; auto. destruct (proj2 (E b)); simpl; auto.
  - destruct m as [| b m]. { destruct (proj1 (E a)); simpl; auto. }
    inversion Hl as [| ? ? Sl Fl]; inversion Hm as [| ? ? Sm Fm]; subst. rewrite Forall_forall in *.
    assert (a = b).
    { destruct (proj1 (E a) (or_introl eq_refl)) as [| Ha]; auto.
      destruct (proj2 (E b) (or_introl eq_refl)) as [| Hb]; auto.
      destruct (lt_asymmetric _ _ (Fl _ Hb) (Fm _ Ha)). }
    subst b. f_equal. apply IH; auto. intro x. split; intro Hx.
    + destruct (proj1 (E x) (or_intror Hx)); auto. subst. destruct (lt_irreflexive _ (Fl _ Hx)).
    + destruct (proj2 (E x) (or_intror Hx)); auto. subst. destruct (lt_irreflexive _ (Fm _ Hx)).
Qed.

Theorem canon_one_per_set : forall l m, apart l -> apart m -> (forall x, In x l <-> In x m) -> canon l = canon m.
Proof.
  intros l m Hl Hm E. apply ascending_unique; try apply canon_ascending.
  intro x. rewrite !canon_in by assumption. auto.
Qed.

(** ** Lists: duplicates stay *)

Fixpoint place (a : A) (l : list A) : list A :=
  match l with
  | [] => [a]
  | b :: rest => match lex (key a) (key b) with Gt => b :: place a rest | _ => a :: l end
  end.

(** Every element, ascending; equal keys in the order in which they came. *)
Definition sort (l : list A) : list A := fold_right place [] l.

Lemma place_permutation : forall a l, Permutation (a :: l) (place a l).
Proof.
  induction l as [| b l IH]; simpl; auto. destruct (lex (key a) (key b)); auto.
  rewrite perm_swap. now constructor.
Qed.

Theorem sort_permutation : forall l, Permutation l (sort l).
Proof.
  induction l as [| a l IH]; simpl; auto. rewrite <- place_permutation. now constructor.
Qed.

Lemma place_sorted : forall a l, StronglySorted le l -> StronglySorted le (place a l).
Proof.
  induction l as [| b l IH]; simpl; intros H.
  - constructor; constructor.
  - inversion H as [| ? ? Hl Hb]; subst. rewrite Forall_forall in Hb.
    assert (Hle : le a b -> StronglySorted le (a :: b :: l)).
    { intro Hab. constructor; auto. constructor; auto. rewrite Forall_forall. intros x Hx.
      exact (lex_le_transitive _ _ _ Hab (Hb _ Hx)). }
    destruct (lex (key a) (key b)) eqn:E; try (apply Hle; unfold le, lex_le; congruence).
    constructor; auto. rewrite Forall_forall. intros x Hx.
    apply (Permutation_in _ (Permutation_sym (place_permutation a l))) in Hx.
    destruct Hx as [<- |]; auto. apply lex_le_cases. left. now apply lex_gt.
Qed.

Theorem sort_sorted : forall l, StronglySorted le (sort l).
Proof. induction l; simpl; [constructor | now apply place_sorted]. Qed.

Lemma sorted_permutations_equal : forall l m,
  apart l -> StronglySorted le l -> StronglySorted le m -> Permutation l m -> l = m.
Proof.
  induction l as [| a l IH]; intros m Ha Hl Hm P.
  - symmetry. now apply Permutation_nil.
  - destruct m as [| b m]. { apply Permutation_sym, Permutation_nil in P. discriminate. }
    inversion Hl as [| ? ? Sl Fl]; inversion Hm as [| ? ? Sm Fm]; subst. rewrite Forall_forall in *.
    assert (a = b).
    { destruct (Permutation_in a P (or_introl eq_refl)) as [| Ia]; auto.
      destruct (Permutation_in b (Permutation_sym P) (or_introl eq_refl)) as [| Ib]; auto.
      apply Ha; simpl; auto. apply lex_le_antisymmetric; [apply Fl | apply Fm]; auto. }
    subst b. f_equal. apply IH; auto.
    + apply (apart_incl _ _ Ha). now right.
    + now apply Permutation_cons_inv in P.
Qed.

(** The order in which the elements came leaves no trace. *)
Theorem sort_permutation_invariant : forall l m, apart l -> Permutation l m -> sort l = sort m.
Proof.
  intros l m H P. apply sorted_permutations_equal; try apply sort_sorted.
  - intros a b Ha Hb. apply H; eapply Permutation_in; try apply Permutation_sym, sort_permutation; auto.
  - rewrite <- (sort_permutation l), <- (sort_permutation m). exact P.
Qed.

End Keyed.

Arguments lt {A}. Arguments le {A}. Arguments ltb {A}. Arguments apart {A}. Arguments insert {A}.
Arguments canon {A}. Arguments ascending {A}. Arguments place {A}. Arguments sort {A}.

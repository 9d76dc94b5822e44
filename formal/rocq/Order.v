(** Canonical order: lists of numbers compared from the front, and the 224-bit key K that an event's
    first four fields make. Nothing here knows what an event is. *)

From Coq Require Import List NArith Lia Bool.
Import ListNotations.
Open Scope N_scope.

(** The first difference decides; a list that ends earlier is smaller. *)
Fixpoint lex (a b : list N) : comparison :=
  match a, b with
  | [], [] => Eq
  | [], _ :: _ => Lt
  | _ :: _, [] => Gt
  | x :: a', y :: b' => match N.compare x y with Eq => lex a' b' | other => other end
  end.

Definition lex_lt (a b : list N) : Prop := lex a b = Lt.
Definition lex_le (a b : list N) : Prop := lex a b <> Gt.

Lemma lex_eq : forall a b, lex a b = Eq <-> a = b.
Proof.
  induction a as [| x a IH]; destruct b as [| y b]; simpl; split; intro H; try congruence; auto.
  - destruct (N.compare_spec x y) as [-> | |]; try discriminate. f_equal. now apply IH.
  - injection H as -> ->. rewrite N.compare_refl. now apply IH.
Qed.

Lemma lex_opposite : forall a b, lex b a = CompOpp (lex a b).
Proof.
  induction a as [| x a IH]; destruct b as [| y b]; simpl; auto.
  rewrite (N.compare_antisym x y). destruct (N.compare x y); simpl; auto.
Qed.

Lemma lex_refl : forall a, lex a a = Eq.
Proof. intro a. now apply lex_eq. Qed.

Lemma lex_lt_irreflexive : forall a, ~ lex_lt a a.
Proof. unfold lex_lt. intros a H. rewrite lex_refl in H. discriminate. Qed.

Lemma lex_gt : forall a b, lex a b = Gt <-> lex_lt b a.
Proof. unfold lex_lt. intros a b. rewrite (lex_opposite a b). destruct (lex a b); simpl; split; congruence. Qed.

Theorem lex_lt_transitive : forall a b c, lex_lt a b -> lex_lt b c -> lex_lt a c.
Proof.
  unfold lex_lt. induction a as [| x a IH]; destruct b as [| y b]; destruct c as [| z c]; simpl; try congruence.
  destruct (N.compare_spec x y) as [-> | Hxy |]; try discriminate.
  - destruct (N.compare y z); try discriminate; auto. apply IH.
  - intros _. destruct (N.compare_spec y z) as [-> | Hyz |]; try discriminate; intros _.
    + apply N.compare_lt_iff in Hxy. now rewrite Hxy.
    + assert (H : x < z) by lia. apply N.compare_lt_iff in H. now rewrite H.
Qed.

(** Any two are equal or one is smaller, and never both. *)
Theorem lex_total : forall a b, lex_lt a b \/ a = b \/ lex_lt b a.
Proof.
  intros a b. destruct (lex a b) eqn:E; auto.
  - right. left. now apply lex_eq.
  - right. right. now apply lex_gt.
Qed.

Lemma lex_lt_asymmetric : forall a b, lex_lt a b -> ~ lex_lt b a.
Proof. intros a b H H'. exact (lex_lt_irreflexive a (lex_lt_transitive _ _ _ H H')). Qed.

Theorem lex_le_reflexive : forall a, lex_le a a.
Proof. unfold lex_le. intros a. rewrite lex_refl. discriminate. Qed.

Lemma lex_le_cases : forall a b, lex_le a b <-> lex_lt a b \/ a = b.
Proof.
  unfold lex_le, lex_lt. intros a b. rewrite <- lex_eq.
  destruct (lex a b); split; try tauto; try congruence. intros [|]; discriminate.
Qed.

Theorem lex_le_antisymmetric : forall a b, lex_le a b -> lex_le b a -> a = b.
Proof.
  intros a b. rewrite !lex_le_cases. intros [H | H] [H' | H']; auto.
  destruct (lex_lt_asymmetric _ _ H H').
Qed.

Theorem lex_le_transitive : forall a b c, lex_le a b -> lex_le b c -> lex_le a c.
Proof.
  intros a b c. rewrite !lex_le_cases.
  intros [H | ->] [H' | ->]; auto. left. exact (lex_lt_transitive _ _ _ H H').
Qed.

Theorem lex_le_total : forall a b, lex_le a b \/ lex_le b a.
Proof.
  intros a b. rewrite !lex_le_cases. destruct (lex_total a b) as [H | [H | H]]; auto.
Qed.

Lemma lex_lt_le_transitive : forall a b c, lex_lt a b -> lex_le b c -> lex_lt a c.
Proof.
  intros a b c H. rewrite lex_le_cases. intros [H' | <-]; auto. exact (lex_lt_transitive _ _ _ H H').
Qed.

(** The first numbers are in the order of the lists. *)
Lemma lex_le_first : forall x y a b, lex_le (x :: a) (y :: b) -> x <= y.
Proof.
  unfold lex_le. intros x y a b H. simpl in H.
  destruct (N.compare_spec x y); try lia. congruence.
Qed.

(** ** The key as one number *)

(** K = lamport(64) ‖ node(32) ‖ stream(16) ‖ id(112), the first field in the highest bits. *)
Definition K (lamport node stream id : N) : N :=
  lamport * 2 ^ 160 + node * 2 ^ 128 + stream * 2 ^ 112 + id mod 2 ^ 112.

Lemma two_digits : forall base a b c d, b < base -> d < base ->
  N.compare (a * base + b) (c * base + d) = match N.compare a c with Eq => N.compare b d | other => other end.
Proof.
  intros base a b c d Hb Hd. destruct (N.compare_spec a c) as [-> | H | H].
  - destruct (N.compare_spec b d) as [-> | H | H].
    + apply N.compare_refl.
    + apply N.compare_lt_iff. lia.
    + apply N.compare_gt_iff. lia.
  - apply N.compare_lt_iff. nia.
  - apply N.compare_gt_iff. nia.
Qed.

(** As long as node and stream are 32 and 16 bits wide, comparing K is comparing field by field. *)
Theorem K_compares_field_by_field : forall l n s i l' n' s' i',
  n < 2 ^ 32 -> n' < 2 ^ 32 -> s < 2 ^ 16 -> s' < 2 ^ 16 ->
  N.compare (K l n s i) (K l' n' s' i') = lex [l; n; s; i mod 2 ^ 112] [l'; n'; s'; i' mod 2 ^ 112].
Proof.
  intros l n s i l' n' s' i' Hn Hn' Hs Hs'. unfold K.
  assert (Hi : i mod 2 ^ 112 < 2 ^ 112) by now apply N.mod_lt.
  assert (Hi' : i' mod 2 ^ 112 < 2 ^ 112) by now apply N.mod_lt.
  set (x := i mod 2 ^ 112) in *. set (y := i' mod 2 ^ 112) in *.
  change (2 ^ 160) with (2 ^ 32 * (2 ^ 16 * 2 ^ 112)). change (2 ^ 128) with (2 ^ 16 * 2 ^ 112).
  set (low := 2 ^ 112) in *. set (mid := 2 ^ 16) in *. set (high := 2 ^ 32) in *.
  replace (l * (high * (mid * low)) + n * (mid * low) + s * low + x)
    with (((l * high + n) * mid + s) * low + x) by ring.
  replace (l' * (high * (mid * low)) + n' * (mid * low) + s' * low + y)
    with (((l' * high + n') * mid + s') * low + y) by ring.
  rewrite two_digits by assumption. rewrite two_digits by assumption. rewrite two_digits by assumption.
  simpl. destruct (N.compare l l'); auto. destruct (N.compare n n'); auto. destruct (N.compare s s'); auto.
  destruct (N.compare x y); auto.
Qed.

Theorem K_order_is_total : forall a b : N, a <= b \/ b <= a.
Proof. lia. Qed.

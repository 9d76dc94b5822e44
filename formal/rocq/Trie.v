(** The crit-bit trie: one shape for each set of keys, whatever the history. `schemas/state.md`, "Tries". *)

From Coq Require Import List NArith Lia Bool Permutation.
Import ListNotations.
Open Scope N_scope.

Section Tries.

(** Bits in a key, and what stands beside it. *)
Variable width : N.
Variable V : Type.

(** Bit 0 is the number's most significant. *)
Definition bit (i k : N) : bool := N.testbit k (width - 1 - i).

Definition key_fits (k : N) : Prop := k < 2 ^ width.

Inductive trie := Leaf (k : N) (v : V) | Branch (i : N) (zeros ones : trie).

Fixpoint entries (t : trie) : list (N * V) :=
  match t with
  | Leaf k v => [(k, v)]
  | Branch _ l r => entries l ++ entries r
  end.

Definition Has (t : trie) (k : N) : Prop := exists v, In (k, v) (entries t).

(** A branch stands at the first bit in which any two keys below it differ. *)
Inductive Shaped : trie -> Prop :=
| shaped_leaf : forall k v, key_fits k -> Shaped (Leaf k v)
| shaped_branch : forall i l r, Shaped l -> Shaped r -> i < width ->
    (forall k, Has l k -> bit i k = false) -> (forall k, Has r k -> bit i k = true) ->
    (forall j k k', j < i -> Has l k \/ Has r k -> Has l k' \/ Has r k' -> bit j k = bit j k') ->
    Shaped (Branch i l r).

Lemma has_branch : forall i l r k, Has (Branch i l r) k <-> Has l k \/ Has r k.
Proof.
  intros i l r k. unfold Has. simpl. split.
  - intros (v & H). apply in_app_iff in H. destruct H; eauto.
  - intros [(v & H) | (v & H)]; exists v; apply in_app_iff; auto.
Qed.

Lemma has_leaf : forall k v k', Has (Leaf k v) k' <-> k' = k.
Proof.
  intros k v k'. unfold Has. simpl. split.
  - intros (w & [E | []]). congruence.
  - intros ->. eauto.
Qed.

Lemma some_key : forall t, exists k, Has t k.
Proof.
  induction t as [k v | i l [k Hk] r _].
  - exists k. now apply has_leaf.
  - exists k. apply has_branch. auto.
Qed.

Lemma shaped_fits : forall t, Shaped t -> forall k, Has t k -> key_fits k.
Proof.
  induction 1 as [k v F | i l r Sl IHl Sr IHr]; intros k' Hk.
  - apply has_leaf in Hk. now subst.
  - apply has_branch in Hk. destruct Hk; auto.
Qed.

(** *** Two tries of one set are one trie. *)
Theorem one_shape_per_set : forall t, Shaped t -> forall u, Shaped u ->
  (forall e, In e (entries t) <-> In e (entries u)) -> t = u.
Proof.
  assert (Keys : forall t u, (forall e, In e (entries t) <-> In e (entries u)) -> forall k, Has t k <-> Has u k).
  { intros t u E k. split; intros (v & H); exists v; now apply E. }
  induction 1 as [k v F | i l r Sl IHl Sr IHr Hi Zeros Ones Same]; intros u Su E.
  - inversion Su as [k' v' F' | i l r Sl Sr Hi Zeros Ones Same]; subst.
    + destruct (proj1 (E (k, v)) (or_introl eq_refl)) as [H | []]. injection H as -> ->. reflexivity.
    + destruct (some_key l) as (x & Hx). destruct (some_key r) as (y & Hy).
      pose proof (Keys _ _ E) as K.
      assert (x = k) by (apply (has_leaf k v); apply K; apply has_branch; auto).
      assert (y = k) by (apply (has_leaf k v); apply K; apply has_branch; auto).
      pose proof (Zeros x Hx). pose proof (Ones y Hy). subst. congruence.
  - pose proof (Keys _ _ E) as K.
    inversion Su as [k' v' F' | i' l' r' Sl' Sr' Hi' Zeros' Ones' Same']; subst.
    + destruct (some_key l) as (x & Hx). destruct (some_key r) as (y & Hy).
      assert (x = k') by (apply (has_leaf k' v'); apply K; apply has_branch; auto).
      assert (y = k') by (apply (has_leaf k' v'); apply K; apply has_branch; auto).
      pose proof (Zeros x Hx). pose proof (Ones y Hy). subst. congruence.
    + assert (i = i') as <-.
      { destruct (N.lt_trichotomy i i') as [L | [| L]]; auto.
        - destruct (some_key l) as (x & Hx). destruct (some_key r) as (y & Hy).
          assert (D : bit i x = bit i y).
          { apply Same'; auto; apply has_branch with (i := i'); apply K; apply has_branch; auto. }
          rewrite (Zeros x Hx), (Ones y Hy) in D. discriminate.
        - destruct (some_key l') as (x & Hx). destruct (some_key r') as (y & Hy).
          assert (D : bit i' x = bit i' y).
          { apply Same; auto; apply has_branch with (i := i); apply K; apply has_branch; auto. }
          rewrite (Zeros' x Hx), (Ones' y Hy) in D. discriminate. }
      assert (El : forall e, In e (entries l) <-> In e (entries l')).
      { intros [k v]. split; intro H; assert (B : bit i k = false) by (first [apply Zeros; now exists v | apply Zeros'; now exists v]).
        - assert (I : In (k, v) (entries (Branch i l' r'))) by (apply E; simpl; apply in_app_iff; auto).
          simpl in I. apply in_app_iff in I. destruct I as [| I]; auto.
          rewrite Ones' in B; [discriminate | now exists v].
        - assert (I : In (k, v) (entries (Branch i l r))) by (apply E; simpl; apply in_app_iff; auto).
          simpl in I. apply in_app_iff in I. destruct I as [| I]; auto.
          rewrite Ones in B; [discriminate | now exists v]. }
      assert (Er : forall e, In e (entries r) <-> In e (entries r')).
      { intros [k v]. split; intro H; assert (B : bit i k = true) by (first [apply Ones; now exists v | apply Ones'; now exists v]).
        - assert (I : In (k, v) (entries (Branch i l' r'))) by (apply E; simpl; apply in_app_iff; auto).
          simpl in I. apply in_app_iff in I. destruct I as [I |]; auto.
          rewrite Zeros' in B; [discriminate | now exists v].
        - assert (I : In (k, v) (entries (Branch i l r))) by (apply E; simpl; apply in_app_iff; auto).
          simpl in I. apply in_app_iff in I. destruct I as [I |]; auto.
          rewrite Zeros in B; [discriminate | now exists v]. }
      f_equal; auto.
Qed.

(** ** Where two keys part *)

Definition divergence (a b : N) : N := width - 1 - N.log2 (N.lxor a b).

Lemma divergence_bit : forall a b, key_fits a -> key_fits b -> a <> b ->
  divergence a b < width /\ bit (divergence a b) a <> bit (divergence a b) b /\
  forall j, j < divergence a b -> bit j a = bit j b.
Proof.
  intros a b Fa Fb N. unfold divergence, bit, key_fits in *.
  assert (X : N.lxor a b <> 0) by (intro X; now apply N.lxor_eq in X).
  set (top := N.log2 (N.lxor a b)).
  assert (T : N.testbit (N.lxor a b) top = true) by now apply N.bit_log2.
  rewrite N.lxor_spec in T.
  assert (High : forall c n, c < 2 ^ width -> width <= n -> N.testbit c n = false).
  { intros c n Hc Hn. destruct (N.eq_dec c 0) as [-> |]; [apply N.bits_0 |]. apply N.bits_above_log2.
    apply N.log2_lt_pow2 in Hc; lia. }
  assert (L : top < width).
  { destruct (N.lt_ge_cases top width) as [| G]; auto. rewrite (High a), (High b) in T; auto. discriminate. }
  split; [lia |]. replace (width - 1 - (width - 1 - top)) with top by lia. split.
  - intro E. rewrite E, xorb_nilpotent in T. discriminate.
  - intros j Hj. assert (Hn : top < width - 1 - j) by lia.
    assert (Z : N.testbit (N.lxor a b) (width - 1 - j) = false) by now apply N.bits_above_log2.
    rewrite N.lxor_spec in Z. now apply xorb_eq in Z.
Qed.

(** ** Inserting *)

Fixpoint first_key (t : trie) : N := match t with Leaf k _ => k | Branch _ l _ => first_key l end.

Lemma has_first : forall t, Has t (first_key t).
Proof. induction t; simpl; [now apply has_leaf | apply has_branch; auto]. Qed.

Definition beside (i k : N) (v : V) (t : trie) : trie :=
  if bit i k then Branch i t (Leaf k v) else Branch i (Leaf k v) t.

(** Inserts, or replaces by key. *)
Fixpoint insert (k : N) (v : V) (t : trie) : trie :=
  match t with
  | Leaf k' v' => if N.eqb k k' then Leaf k v else beside (divergence k k') k v t
  | Branch i l r =>
      let d := divergence k (first_key l) in
      if negb (N.eqb k (first_key l)) && N.ltb d i then beside d k v t
      else if bit i k then Branch i l (insert k v r) else Branch i (insert k v l) r
  end.

Lemma beside_has : forall i k v t k', Has (beside i k v t) k' <-> k' = k \/ Has t k'.
Proof. intros. unfold beside. destruct (bit i k); rewrite has_branch, has_leaf; tauto. Qed.

Lemma beside_shaped : forall k v t k', Shaped t -> key_fits k -> Has t k' -> k <> k' ->
  (forall j x, Has t x -> j <= divergence k k' -> bit j x = bit j k') -> Shaped (beside (divergence k k') k v t).
Proof.
  intros k v t k' S F Hk N Same.
  destruct (divergence_bit k k' F (shaped_fits t S k' Hk) N) as (W & D & B).
  set (d := divergence k k') in *. unfold beside.
  assert (Other : forall x, Has t x -> bit d x = negb (bit d k)).
  { intros x Hx. rewrite (Same d x Hx) by lia. destruct (bit d k), (bit d k'); auto; contradiction. }
  assert (Agree : forall j x, j < d -> Has t x -> bit j x = bit j k).
  { intros j x Hj Hx. rewrite (Same j x Hx) by lia. symmetry. auto. }
  destruct (bit d k) eqn:E; constructor; auto; try (constructor; assumption);
    try (intros x Hx; apply has_leaf in Hx; now subst); try (intros x Hx; now rewrite (Other x Hx)).
  - intros j x y Hj [Hx | Hx] [Hy | Hy]; rewrite ?has_leaf in *; subst; auto;
      rewrite ?(Agree j x), ?(Agree j y); auto.
  - intros j x y Hj [Hx | Hx] [Hy | Hy]; rewrite ?has_leaf in *; subst; auto;
      rewrite ?(Agree j x), ?(Agree j y); auto.
Qed.

Lemma insert_has : forall t k v k', Has (insert k v t) k' <-> k' = k \/ Has t k'.
Proof.
  induction t as [x w | i l IHl r IHr]; intros k v k'; simpl.
  - destruct (N.eqb_spec k x) as [-> |]; [rewrite !has_leaf; tauto | apply beside_has].
  - destruct (negb (N.eqb k (first_key l)) && N.ltb (divergence k (first_key l)) i); [apply beside_has |].
    destruct (bit i k); rewrite !has_branch, ?IHl, ?IHr; tauto.
Qed.

Theorem insert_shaped : forall t, Shaped t -> forall k v, key_fits k -> Shaped (insert k v t).
Proof.
  induction 1 as [x w F | i l r Sl IHl Sr IHr Hi Zeros Ones Same]; intros k v Fk; simpl.
  - destruct (N.eqb_spec k x) as [-> | N]; [now constructor |].
    apply beside_shaped; auto; [now constructor | now apply has_leaf |].
    intros j y Hy _. apply has_leaf in Hy. now subst.
  - pose proof (has_first l) as H0. set (k0 := first_key l) in *.
    assert (B : forall j, j < i -> (k = k0 \/ i <= divergence k k0) -> bit j k = bit j k0).
    { intros j Hj [-> | L]; auto. destruct (N.eq_dec k k0) as [-> | N]; auto.
      destruct (divergence_bit k k0 Fk (shaped_fits l Sl k0 H0) N) as (_ & _ & E). apply E. lia. }
    destruct (N.eqb_spec k k0) as [E | N]; simpl.
    2: destruct (N.ltb_spec (divergence k k0) i) as [L | L].
    2: { apply beside_shaped; auto; [now constructor | apply has_branch; auto |].
         intros j y Hy Hj. apply has_branch in Hy. apply Same; auto. lia. }
    all: assert (B' : forall j x, j < i -> Has l x \/ Has r x -> bit j x = bit j k)
      by (intros j x Hj Hx; rewrite B; auto).
    all: destruct (bit i k) eqn:Bk; constructor; auto; try (intros x Hx; apply insert_has in Hx; destruct Hx as [-> |]; auto).
    all: intros j x y Hj Hx Hy; rewrite ?insert_has in Hx, Hy;
      transitivity (bit j k); [| symmetry];
      match goal with |- bit j ?z = _ => destruct (N.eq_dec z k) as [-> |]; auto; apply B'; auto; tauto end.
Qed.

Lemma beside_entries : forall i k v t e, In e (entries (beside i k v t)) <-> e = (k, v) \/ In e (entries t).
Proof. intros. unfold beside. destruct (bit i k); simpl; rewrite ?in_app_iff; simpl; intuition (subst; auto). Qed.

Theorem insert_entries : forall t, Shaped t -> forall k v, key_fits k -> forall e,
  In e (entries (insert k v t)) <-> e = (k, v) \/ (In e (entries t) /\ fst e <> k).
Proof.
  induction 1 as [x w F | i l r Sl IHl Sr IHr Hi Zeros Ones Same]; intros k v Fk e; simpl.
  - destruct (N.eqb_spec k x) as [-> | N]; simpl.
    + intuition; subst; simpl in *; congruence.
    + rewrite beside_entries. simpl. split.
      * intros [-> | [<- | []]]; auto.
      * intros [-> | [[<- | []] _]]; auto.
  - pose proof (has_first l) as H0. set (k0 := first_key l) in *.
    destruct (N.eqb_spec k k0) as [E | N]; simpl.
    2: destruct (N.ltb_spec (divergence k k0) i) as [L | L].
    2: { rewrite beside_entries. simpl. rewrite in_app_iff.
         assert (Nk : forall y, Has (Branch i l r) y -> y <> k).
         { intros y Hy ->. destruct (divergence_bit k k0 Fk (shaped_fits l Sl k0 H0) N) as (_ & D & _).
           apply D. apply Same; auto. now apply has_branch in Hy. }
         split; [intros [-> | I]; auto | intros [-> | [I _]]; auto].
         right. split; auto. destruct e as [y u]. simpl. apply Nk. apply has_branch.
         destruct I; [left | right]; now exists u. }
    all: destruct (bit i k) eqn:Bk; simpl; rewrite !in_app_iff, ?IHl, ?IHr by assumption.
    all: destruct e as [y u]; simpl.
    all: assert (Nl : In (y, u) (entries l) -> bit i k = true -> y <> k)
      by (intros I T ->; rewrite Zeros in T; [discriminate | now exists u]).
    all: assert (Nr : In (y, u) (entries r) -> bit i k = false -> y <> k)
      by (intros I T ->; rewrite Ones in T; [discriminate | now exists u]).
    all: intuition.
Qed.

(** ** Histories *)

Definition insert_into (t : option trie) (e : N * V) : option trie :=
  Some match t with None => Leaf (fst e) (snd e) | Some t => insert (fst e) (snd e) t end.

(** The trie that insertions leave, one after the other. *)
Definition build (history : list (N * V)) : option trie := fold_left insert_into history None.

Definition holds (t : option trie) (e : N * V) : Prop := match t with None => False | Some t => In e (entries t) end.
Definition well (t : option trie) : Prop := match t with None => True | Some t => Shaped t end.

Lemma build_well : forall h, (forall e, In e h -> key_fits (fst e)) -> well (build h).
Proof.
  unfold build. induction h as [| e h IH] using rev_ind; intros F; [exact I |].
  rewrite fold_left_app. simpl. assert (W : well (fold_left insert_into h None)).
  { apply IH. intros x Hx. apply F. apply in_app_iff. auto. }
  assert (Fe : key_fits (fst e)) by (apply F; apply in_app_iff; right; now left).
  destruct (fold_left insert_into h None); simpl in *; [now apply insert_shaped | now constructor].
Qed.

Lemma build_holds : forall h, (forall e, In e h -> key_fits (fst e)) -> NoDup (map fst h) ->
  forall e, holds (build h) e <-> In e h.
Proof.
  unfold build. induction h as [| x h IH] using rev_ind; intros F D e; [simpl; tauto |].
  rewrite fold_left_app, in_app_iff. simpl.
  assert (F' : forall y, In y h -> key_fits (fst y)) by (intros y Hy; apply F; apply in_app_iff; auto).
  assert (Fx : key_fits (fst x)) by (apply F; apply in_app_iff; right; now left).
  rewrite map_app in D. simpl in D.
  assert (D' : NoDup (map fst h)) by (apply NoDup_remove_1 in D; now rewrite app_nil_r in D).
  assert (Nx : ~ In (fst x) (map fst h)) by (apply NoDup_remove_2 in D; now rewrite app_nil_r in D).
  pose proof (build_well h F') as W. unfold build in W. specialize (IH F' D').
  destruct x as [k v]. destruct (fold_left insert_into h None) as [t |]; simpl in *.
  - rewrite insert_entries by assumption. rewrite (IH e). split.
    + intros [-> | [H _]]; auto.
    + intros [H | [<- | []]]; auto. right. split; auto. intros E. apply Nx. rewrite <- E. now apply in_map.
  - rewrite <- (IH e). intuition.
Qed.

(** *** The order in which a set was filled leaves no trace. *)
Theorem history_independent : forall h g, (forall e, In e h -> key_fits (fst e)) -> NoDup (map fst h) ->
  Permutation h g -> build h = build g.
Proof.
  intros h g F D P.
  assert (F' : forall e, In e g -> key_fits (fst e)).
  { intros e He. apply F. now apply (Permutation_in _ (Permutation_sym P)). }
  assert (D' : NoDup (map fst g)) by exact (Permutation_NoDup (Permutation_map fst P) D).
  pose proof (build_well h F) as Wh. pose proof (build_well g F') as Wg.
  assert (E : forall e, holds (build h) e <-> holds (build g) e).
  { intro e. rewrite (build_holds h F D), (build_holds g F' D').
    split; apply Permutation_in; [exact P | now apply Permutation_sym]. }
  destruct (build h) as [t |]; destruct (build g) as [u |]; simpl in *; auto.
  - f_equal. now apply one_shape_per_set.
  - destruct (some_key t) as (k & v & H). destruct (proj1 (E (k, v)) H).
  - destruct (some_key u) as (k & v & H). destruct (proj2 (E (k, v)) H).
Qed.

End Tries.

Arguments Leaf {V}. Arguments Branch {V}. Arguments entries {V}. Arguments Has {V}. Arguments Shaped width {V}.

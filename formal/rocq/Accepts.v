(** The checker accepts exactly the batches that violate nothing, and names the first violation. *)

From Coq Require Import List NArith Lia Bool Sorted Permutation.
From Omega Require Import Order Sorting Model Reconcile Words Reflect.
Import ListNotations.
Open Scope N_scope.

Lemma catalog_whole : forall p, In p catalog.
Proof. intros []; simpl; auto 10. Qed.

Lemma catalog_by_rank : forall p, nth_error catalog (rank p) = Some p.
Proof. intros []; reflexivity. Qed.

Lemma rank_by_catalog : forall n p, nth_error catalog n = Some p -> n = rank p.
Proof.
  intros n p H. do 9 (destruct n as [| n]; [simpl in H; injection H as <-; reflexivity |]).
  destruct n; discriminate H.
Qed.

Lemma find_first : forall (l : list predicate) test p, find test l = Some p ->
  exists n, nth_error l n = Some p /\ test p = true /\
    forall m q, nth_error l m = Some q -> test q = true -> (n <= m)%nat.
Proof.
  induction l as [| q l IH]; simpl; intros test p H; [discriminate |].
  destruct (test q) eqn:T.
  - injection H as <-. exists 0%nat. repeat split; auto. intros. lia.
  - destruct (IH _ _ H) as (n & En & Tp & Least). exists (S n). repeat split; auto.
    intros [| m] r Em Tr; simpl in Em.
    + congruence.
    + apply le_n_S. eauto.
Qed.

(** What is found at an event is what is named first there. *)
Lemma found_here : forall test p, find test catalog = Some p ->
  test p = true /\ forall q, test q = true -> (rank p <= rank q)%nat.
Proof.
  intros test p H. destruct (find_first _ _ _ H) as (n & En & T & Least). split; auto.
  apply rank_by_catalog in En. subst n.
  intros q Tq. apply Least with q; auto. apply catalog_by_rank.
Qed.

(** A violation's anchor is in the batch. *)
Lemma anchor_in_batch : forall s b p e, Violates s b p e -> In_batch b e.
Proof.
  intros s b [] e; simpl.
  - now intros [H _].
  - now intros [[H _] _].
  - now intros [H _].
  - now intros [H _].
  - now intros [[H _] _].
  - intros (o & h & Ho & <- & _). now apply occurrence_of.
  - now intros [H _].
  - now intros [H _].
  - now intros [H _].
Qed.

Section Deciding.

Variable s : state.
Variable b : batch.
Hypothesis fits : hash_fits b.

Notation es := (distinct b).

Lemma walk_none : forall rest before, es = rev before ++ rest ->
  walk s b es before rest = None -> forall p e, In e rest -> ~ Violates s b p e.
Proof.
  induction rest as [| e rest IH]; cbn [walk In]; intros before E W p f Hf; [destruct Hf |].
  destruct (find (breaks s b es before e) catalog) eqn:F; [discriminate |].
  destruct Hf as [<- | Hf].
  - intro V. apply (breaks_iff s b fits _ _ _ E) in V.
    rewrite (find_none _ _ F p (catalog_whole p)) in V. discriminate.
  - apply IH with (e :: before); auto. simpl. now rewrite <- app_assoc.
Qed.

Lemma walk_some : forall rest before p e, es = rev before ++ rest ->
  (forall q f, In f before -> ~ Violates s b q f) ->
  walk s b es before rest = Some (p, e) -> First s b p e.
Proof.
  induction rest as [| f rest IH]; cbn [walk]; intros before p e E Clean W; [discriminate |].
  destruct (find (breaks s b es before f) catalog) as [q |] eqn:F.
  - injection W as -> ->. destruct (found_here _ _ F) as [T Least]. split.
    { now apply (breaks_iff s b fits _ _ _ E). }
    intros r g V. pose proof (anchor_in_batch _ _ _ _ V) as Hg.
    destruct (apart_total _ key _ e g (events_apart _ fits)) as [H | [H | H]]; auto.
    + apply (here b fits _ _ _ E).
    + right. subst g. split; auto. apply Least. now apply (breaks_iff s b fits _ _ _ E).
    + destruct (Clean r g); auto. apply (in_before b fits _ _ _ E). split; auto.
  - apply IH with (f :: before); auto.
    + simpl. now rewrite <- app_assoc.
    + intros q g [<- | Hg]; auto. intro V. apply (breaks_iff s b fits _ _ _ E) in V.
      rewrite (find_none _ _ F q (catalog_whole q)) in V. discriminate.
Qed.

Lemma walk_from_start : walk s b es [] es = None <-> Agrees s b.
Proof.
  split.
  - intros W p e V. apply (walk_none es [] eq_refl W p e); auto.
    apply (in_es b fits). now apply (anchor_in_batch s b p).
  - intro A. destruct (walk s b es [] es) as [[p e] |] eqn:W; auto.
    apply (walk_some es [] p e) in W; auto. destruct W as [V _]. destruct (A _ _ V).
Qed.

(** The first violation is unique. *)
Theorem first_unique : forall p e q f, First s b p e -> First s b q f -> p = q /\ e = f.
Proof.
  intros p e q f [Vp Lp] [Vq Lq].
  destruct (Lp q f Vq) as [H | [Ee R]]; destruct (Lq p e Vp) as [H' | [E' R']].
  - destruct (lt_asymmetric _ _ _ _ H H').
  - subst. destruct (lt_irreflexive _ _ _ H).
  - subst. destruct (lt_irreflexive _ _ _ H').
  - split; auto. assert (E : rank p = rank q) by lia.
    pose proof (catalog_by_rank p) as P. pose proof (catalog_by_rank q) as Q. congruence.
Qed.

(** *** The checker accepts a batch exactly where no predicate is violated. *)
Theorem accepts_exactly_what_agrees : (exists next, reconcile s b = Merge next) <-> Agrees s b.
Proof.
  unfold reconcile. rewrite <- walk_from_start.
  destruct (walk s b es [] es) as [[p e] |]; split; try discriminate; eauto.
  intros [next H]. discriminate.
Qed.

(** *** It reports a violation exactly where that one is the canonical first. *)
Theorem reports_exactly_the_first : forall p e, reconcile s b = Obstruction p e <-> First s b p e.
Proof.
  unfold reconcile. destruct (walk s b es [] es) as [[q f] |] eqn:W; intros p e.
  - assert (F : First s b q f) by (apply (walk_some es []); auto).
    split.
    + intro H. injection H as <- <-. exact F.
    + intro F'. destruct (first_unique _ _ _ _ F F'). now subst.
  - split; [discriminate |]. intros [V _]. apply walk_from_start in W. destruct (W _ _ V).
Qed.

(** Whether anything is violated is decidable, and where something is, one is first. *)
Corollary agrees_or_first : Agrees s b \/ exists p e, First s b p e.
Proof.
  destruct (reconcile s b) as [next | p e] eqn:R.
  - left. apply accepts_exactly_what_agrees. eauto.
  - right. exists p, e. now apply reports_exactly_the_first.
Qed.

End Deciding.

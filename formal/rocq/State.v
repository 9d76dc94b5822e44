(** What accepting events does to the state, and that their order does not matter. *)

From Coq Require Import List NArith Lia Bool Permutation.
From Omega Require Import Order Sorting Model Reconcile Words.
Import ListNotations.
Open Scope N_scope.

Section MapFacts.
Context {Key Value : Type} (same : Key -> Key -> bool).
Hypothesis same_iff : forall a b, same a b = true <-> a = b.

Lemma get_put : forall k k' (v : Value) m, get same k (put same k' v m) = if same k k' then Some v else get same k m.
Proof.
  intros k k' v. induction m as [| [j w] m IH]; simpl; auto.
  destruct (same k' j) eqn:E; simpl.
  - apply same_iff in E. subst j. destruct (same k k'); auto.
  - rewrite IH. destruct (same k j) eqn:E1; destruct (same k k') eqn:E2; auto.
    apply same_iff in E1, E2. subst. rewrite (proj2 (same_iff j j) eq_refl) in E. discriminate.
Qed.
End MapFacts.

Lemma same_pair_iff : forall a b, same_pair a b = true <-> a = b.
Proof.
  intros [a a'] [b b']. unfold same_pair. simpl. rewrite andb_true_iff, !N.eqb_eq.
  split; [now intros [-> ->] | intro H; injection H; auto].
Qed.

Definition stream_key (e : event) : N * N := (node e, stream e).
Definition frontier_at (s : state) (k : N * N) : option frontier := get same_pair k (frontiers s).
Definition accept_all (l : list event) (s : state) : state := fold_left accept_event l s.

Lemma same_stream_key : forall e f, Same_stream e f <-> stream_key e = stream_key f.
Proof.
  unfold Same_stream, stream_key. intros e f. split; [now intros [-> ->] | intro H; injection H; auto].
Qed.

Lemma accepted_after : forall s e i,
  accepted (accept_event s e) i = if N.eqb i (id e) then Some (lamport e, hash e) else accepted s i.
Proof. intros. unfold accepted. simpl. apply get_put. apply N.eqb_eq. Qed.

Lemma frontier_after : forall s e k, frontier_at (accept_event s e) k =
  if same_pair k (stream_key e) then Some (advance (frontier_at s k) e) else frontier_at s k.
Proof.
  intros. unfold frontier_at. simpl. rewrite (get_put _ same_pair_iff).
  destruct (same_pair k (node e, stream e)) eqn:E; unfold stream_key; rewrite E; auto.
  apply same_pair_iff in E. now subst.
Qed.

(** ** Whatever the order *)

(** Alike in everything that can be asked of a state; its tries, and so its root, are then the same. *)
Definition Same_state (s t : state) : Prop :=
  (forall i, accepted s i = accepted t i) /\ (forall k, frontier_at s k = frontier_at t k).

Lemma same_state_refl : forall s, Same_state s s.
Proof. split; auto. Qed.

Lemma same_state_sym : forall s t, Same_state s t -> Same_state t s.
Proof. intros s t [A F]. split; auto. Qed.

Lemma same_state_trans : forall s t u, Same_state s t -> Same_state t u -> Same_state s u.
Proof. intros s t u [A F] [A' F']. split; intros; [rewrite A | rewrite F]; auto. Qed.

Lemma accept_same : forall s t e, Same_state s t -> Same_state (accept_event s e) (accept_event t e).
Proof. intros s t e [A F]. split; intros; [rewrite !accepted_after, A | rewrite !frontier_after, F]; auto. Qed.

Lemma pair_neq : forall a b : event, id a <> id b -> lex [lamport a; id a] [lamport b; id b] <> Eq.
Proof. intros a b N E. apply lex_eq in E. congruence. Qed.

Lemma advance_swap : forall o a b, id a <> id b -> advance (Some (advance o a)) b = advance (Some (advance o b)) a.
Proof.
  intros o a b N. pose proof (pair_neq _ _ N) as T.
  pose proof (lex_opposite [lamport a; id a] [lamport b; id b]) as Opp.
  unfold advance. destruct o as [[l i h k] |]; cbn [f_lamport f_id f_hash f_linked].
  - pose proof (lex_lt_transitive [l; i] [lamport a; id a] [lamport b; id b]) as T1.
    pose proof (lex_lt_transitive [l; i] [lamport b; id b] [lamport a; id a]) as T2. unfold lex_lt in *.
    destruct (lex [l; i] [lamport a; id a]) eqn:A; destruct (lex [l; i] [lamport b; id b]) eqn:B;
      cbn [f_lamport f_id f_hash f_linked]; rewrite ?A, ?B; rewrite ?Opp;
      destruct (lex [lamport a; id a] [lamport b; id b]) eqn:C; cbn [CompOpp f_lamport f_id f_hash f_linked];
      try contradiction; try (specialize (T1 eq_refl eq_refl); discriminate);
      try (rewrite Opp in T2; specialize (T2 eq_refl eq_refl); discriminate);
      f_equal; rewrite <- !orb_assoc; f_equal; apply orb_comm.
  - rewrite Opp. destruct (lex [lamport a; id a] [lamport b; id b]) eqn:C; cbn; try contradiction;
      f_equal; apply orb_comm.
Qed.

Lemma accept_swap : forall s a b, id a <> id b ->
  Same_state (accept_event (accept_event s a) b) (accept_event (accept_event s b) a).
Proof.
  intros s a b N. split; intros.
  - rewrite !accepted_after. destruct (N.eqb_spec i (id b)); destruct (N.eqb_spec i (id a)); auto. congruence.
  - rewrite !frontier_after.
    destruct (same_pair k (stream_key b)); destruct (same_pair k (stream_key a)); auto.
    now rewrite advance_swap.
Qed.

(** Events with different ids may be accepted in any order. *)
Theorem accepting_forgets_order : forall l m, Permutation l m -> NoDup (map id l) -> forall s t, Same_state s t ->
  Same_state (accept_all l s) (accept_all m t).
Proof.
  unfold accept_all. induction 1 as [| e l m P IH | a b l | l m n P IH P' IH']; simpl; intros U s t S; auto.
  - inversion U; subst. apply IH; auto. now apply accept_same.
  - inversion U as [| ? ? N U']; subst. inversion U'; subst.
    assert (Hab : id b <> id a) by (intro E; apply N; simpl; auto).
    assert (Hind : forall u v, Same_state u v -> Same_state (fold_left accept_event l u) (fold_left accept_event l v)).
    { clear. induction l as [| e l IH]; simpl; intros u v S; auto. apply IH. now apply accept_same. }
    apply Hind. eapply same_state_trans; [apply accept_swap; exact Hab |].
    apply accept_same. now apply accept_same.
  - eapply same_state_trans; [apply (IH U s s (same_state_refl s)) |].
    apply IH'; auto. apply (Permutation_NoDup (Permutation_map id P) U).
Qed.

(** ** What is in the state afterwards *)

Lemma accepted_new : forall l s e, NoDup (map id l) -> In e l ->
  accepted (accept_all l s) (id e) = Some (lamport e, hash e).
Proof.
  unfold accept_all. induction l as [| x l IH] using rev_ind; intros s e U H; [destruct H |].
  rewrite fold_left_app. simpl. rewrite accepted_after. rewrite map_app in U. simpl in U.
  apply in_app_iff in H. destruct H as [H | [-> | []]].
  - destruct (N.eqb_spec (id e) (id x)) as [E |].
    + exfalso. apply NoDup_remove_2 in U. apply U. rewrite app_nil_r, <- E. now apply in_map.
    + apply IH; auto. apply NoDup_remove_1 in U. now rewrite app_nil_r in U.
  - now rewrite N.eqb_refl.
Qed.

Lemma accepted_old : forall l s i, (forall e, In e l -> id e <> i) -> accepted (accept_all l s) i = accepted s i.
Proof.
  unfold accept_all. induction l as [| x l IH]; simpl; intros s i H; auto.
  rewrite IH; auto. rewrite accepted_after. destruct (N.eqb_spec i (id x)) as [-> |]; auto.
  destruct (H x); auto.
Qed.

Lemma frontier_untouched : forall l s k, (forall e, In e l -> stream_key e <> k) ->
  frontier_at (accept_all l s) k = frontier_at s k.
Proof.
  unfold accept_all. induction l as [| x l IH]; simpl; intros s k H; auto.
  rewrite IH; auto. rewrite frontier_after. destruct (same_pair k (stream_key x)) eqn:E; auto.
  apply same_pair_iff in E. destruct (H x); auto.
Qed.

Lemma frontier_there : forall l s k e, In e l -> stream_key e = k -> exists f, frontier_at (accept_all l s) k = Some f.
Proof.
  unfold accept_all. induction l as [| x l IH] using rev_ind; intros s k e He Ek; [destruct He |].
  rewrite fold_left_app. simpl. rewrite frontier_after.
  destruct (same_pair k (stream_key x)) eqn:E; eauto.
  apply in_app_iff in He. destruct He as [He | [<- | []]]; eauto.
  subst k. rewrite (proj2 (same_pair_iff _ _) eq_refl) in E. discriminate.
Qed.

(** Where a frontier comes from, that it is the greatest, and whether it is linked. *)
Lemma frontier_from : forall l s k f, frontier_at (accept_all l s) k = Some f ->
  ((exists g, frontier_at s k = Some g /\ f_lamport f = f_lamport g /\ f_id f = f_id g /\ f_hash f = f_hash g) \/
   (exists e, In e l /\ stream_key e = k /\ f_lamport f = lamport e /\ f_id f = id e /\ f_hash f = hash e)) /\
  (forall e, In e l -> stream_key e = k -> lex_le [lamport e; id e] [f_lamport f; f_id f]) /\
  (f_linked f = true -> (exists g, frontier_at s k = Some g /\ f_linked g = true) \/
    exists e, In e l /\ stream_key e = k /\ prev e <> 0).
Proof.
  unfold accept_all. induction l as [| x l IH] using rev_ind; intros s k f H.
  - simpl in H. repeat split; [left; eauto 6 | intros e [] | intro L; left; eauto].
  - rewrite fold_left_app in H. simpl in H. rewrite frontier_after in H.
    destruct (same_pair k (stream_key x)) eqn:E.
    + apply same_pair_iff in E. injection H as <-. unfold advance.
      destruct (frontier_at (fold_left accept_event l s) k) as [g |] eqn:G.
      * destruct (IH _ _ _ G) as (From & Most & Linked).
        assert (Linked' : forall c, f_linked g || negb (prev x =? 0) = true -> c = f_linked g || negb (prev x =? 0) ->
          (exists g, frontier_at s k = Some g /\ f_linked g = true) \/
          exists e, In e (l ++ [x]) /\ stream_key e = k /\ prev e <> 0).
        { intros c L _. apply orb_true_iff in L. destruct L as [L | L].
          - destruct (Linked L) as [| (e & He & R)]; auto. right. exists e. split; auto. apply in_or_app. now left.
          - right. exists x. split; [apply in_or_app; right; now left |]. split; auto.
            now apply negb_true_iff, N.eqb_neq in L. }
        destruct (lex [f_lamport g; f_id g] [lamport x; id x]) eqn:C; cbn [f_lamport f_id f_hash f_linked].
        -- split; [| split; [| intro L; eapply Linked'; eauto]].
           ++ destruct From as [| (e & He & R)]; auto. right. exists e. split; auto. apply in_or_app. now left.
           ++ intros e He Ek. apply in_app_iff in He. destruct He as [He | [<- | []]]; auto.
              apply lex_eq in C. rewrite C. apply lex_le_reflexive.
        -- split; [| split; [| intro L; eapply Linked'; eauto]].
           ++ right. exists x. split; [apply in_or_app; right; now left |]. auto.
           ++ intros e He Ek. apply in_app_iff in He. destruct He as [He | [<- | []]].
              ** apply lex_le_transitive with [f_lamport g; f_id g]; auto. apply lex_le_cases. now left.
              ** apply lex_le_reflexive.
        -- split; [| split; [| intro L; eapply Linked'; eauto]].
           ++ destruct From as [| (e & He & R)]; auto. right. exists e. split; auto. apply in_or_app. now left.
           ++ intros e He Ek. apply in_app_iff in He. destruct He as [He | [<- | []]]; auto.
              apply lex_le_cases. left. now apply lex_gt.
      * cbn [f_lamport f_id f_hash f_linked].
        assert (None_before : forall e, In e l -> stream_key e <> k).
        { intros e He Ek. destruct (frontier_there l s k e He Ek) as (g & Eg). unfold accept_all in Eg. congruence. }
        split; [| split].
        -- right. exists x. split; [apply in_or_app; right; now left |]. auto.
        -- intros e He Ek. apply in_app_iff in He. destruct He as [He | [<- | []]].
           ++ destruct (None_before e He Ek).
           ++ apply lex_le_reflexive.
        -- intro L. right. exists x. split; [apply in_or_app; right; now left |]. split; auto.
           now apply negb_true_iff, N.eqb_neq in L.
    + destruct (IH _ _ _ H) as (From & Most & Linked). split; [| split].
      * destruct From as [| (e & He & R)]; auto. right. exists e. split; auto. apply in_or_app. now left.
      * intros e He Ek. apply in_app_iff in He. destruct He as [He | [<- | []]]; auto.
        subst k. rewrite (proj2 (same_pair_iff _ _) eq_refl) in E. discriminate.
      * intro L. destruct (Linked L) as [| (e & He & R)]; auto. right. exists e. split; auto. apply in_or_app. now left.
Qed.

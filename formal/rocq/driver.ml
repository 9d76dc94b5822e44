(* Standard input and output for the extracted model: one case a line, one answer a line.

   case    = batch { "|" batch }         batches are judged one after the other, from genesis
   batch   = { "L" { "E" event } }       logs, and the occurrences in each
   event   = lamport node stream id prev claim stated found hash count dep...
   answer  = verdict { "|" verdict } "#" state
   verdict = ("M" | "O" predicate hash) nine times "judged/skipped/known/violated"
   state   = { "I" id lamport hash } { "F" node stream lamport id hash linked }    by key

   A line "T" { key } is answered with the crit-bit trie of these keys of 128 bits, put in one after the other:

   trie    = "-" | "K" key | "B" bit trie trie

   Tokens are parted by one space; numbers are hexadecimal, "-" is none. A malformed line ends the
   program with status 2: nothing here decides anything. *)

open Model

let number_of_hex text =
  let bit n one = match n, one with
    | N0, false -> N0
    | N0, true -> Npos XH
    | Npos p, false -> Npos (XO p)
    | Npos p, true -> Npos (XI p) in
  let digit n c =
    let d = match c with
      | '0' .. '9' -> Char.code c - 48
      | 'a' .. 'f' -> Char.code c - 87
      | _ -> failwith ("not a hexadecimal digit: " ^ String.make 1 c) in
    List.fold_left (fun n at -> bit n (d land at <> 0)) n [8; 4; 2; 1] in
  if text = "" then failwith "a number is missing" else Seq.fold_left digit N0 (String.to_seq text)

let bits n =
  let rec of_positive = function XH -> [1] | XO p -> 0 :: of_positive p | XI p -> 1 :: of_positive p in
  match n with N0 -> [] | Npos p -> of_positive p

let hex_of_number n =
  let rec digits = function
    | [] -> []
    | a :: b :: c :: d :: rest -> (a + 2 * b + 4 * c + 8 * d) :: digits rest
    | few -> digits (few @ [0]) in
  match List.rev_map (Printf.sprintf "%x") (digits (bits n)) with
  | [] -> "0"
  | text -> String.concat "" text

let rec int_of_nat = function O -> 0 | S n -> 1 + int_of_nat n

let optional = function "-" -> None | text -> Some (number_of_hex text)

(* The first [count] tokens as numbers, and the rest. *)
let rec numbers count tokens = match count, tokens with
  | 0, rest -> [], rest
  | _, token :: rest -> let more, rest = numbers (count - 1) rest in number_of_hex token :: more, rest
  | _, [] -> failwith "deps are missing"

let rec occurrences = function
  | "E" :: lamport :: node :: stream :: id :: prev :: claim :: stated :: found :: hash :: count :: rest ->
      let deps, rest = numbers (int_of_string ("0x" ^ count)) rest in
      let number = number_of_hex in
      let event = { lamport = number lamport; node = number node; stream = number stream; id = number id;
                    prev = number prev; claim = optional claim; stated = number stated; deps; hash = number hash } in
      let more, rest = occurrences rest in
      { of0 = event; found = optional found } :: more, rest
  | rest -> [], rest

let rec logs = function
  | [] -> []
  | "L" :: rest -> let log, rest = occurrences rest in log :: logs rest
  | token :: _ -> failwith ("not the start of a log: " ^ token)

let name = function
  | P1001 -> "1001" | P1002 -> "1002" | P1003 -> "1003" | P1004 -> "1004" | P2001 -> "2001"
  | P2002 -> "2002" | P2003 -> "2003" | P3001 -> "3001" | P3002 -> "3002"

let coverage c =
  Printf.sprintf "%d/%d/%d/%d" (int_of_nat c.judged) (int_of_nat c.skipped) (int_of_nat c.known)
    (int_of_nat c.violated)

let judge (state, answers) batch =
  let covered = List.map coverage (cover_all state batch) in
  let next, found = match reconcile state batch with
    | Merge next -> next, "M"
    | Obstruction (predicate, anchor) -> state, "O " ^ name predicate ^ " " ^ hex_of_number anchor.hash in
  next, String.concat " " (found :: covered) :: answers

(* Most significant bit first, the shorter number being the smaller. *)
let by_number a b = compare (List.length (bits a), List.rev (bits a)) (List.length (bits b), List.rev (bits b))

let state { ids; frontiers } =
  let id (i, (lamport, hash)) = "I" :: List.map hex_of_number [i; lamport; hash] in
  let frontier ((node, stream), f) =
    "F" :: List.map hex_of_number [node; stream; f.f_lamport; f.f_id; f.f_hash] @ [if f.f_linked then "1" else "0"] in
  let ids = List.sort (fun (a, _) (b, _) -> by_number a b) ids in
  let by_stream ((n, s), _) ((n', s'), _) = match by_number n n' with 0 -> by_number s s' | other -> other in
  String.concat " " (List.concat (List.map id ids @ List.map frontier (List.sort by_stream frontiers)))

let rec shape = function
  | Leaf (key, _) -> "K " ^ hex_of_number key
  | Branch (bit, zeros, ones) -> "B " ^ hex_of_number bit ^ " " ^ shape zeros ^ " " ^ shape ones

let trie keys =
  match build (number_of_hex "80") (List.map (fun key -> number_of_hex key, ()) keys) with
  | None -> "-"
  | Some trie -> shape trie

let tokens text = List.filter (fun token -> token <> "") (String.split_on_char ' ' text)

let judged line =
  let batch text = logs (tokens text) in
  let batches = List.map batch (String.split_on_char '|' line) in
  let last, answers = List.fold_left judge (genesis, []) batches in
  String.concat "|" (List.rev answers) ^ "#" ^ state last

let answer line =
  match tokens line with
  | "T" :: keys -> trie keys
  | _ -> judged line

let () =
  try
    while true do
      print_string (answer (input_line stdin));
      print_char '\n'
    done
  with
  | End_of_file -> ()
  | Failure why -> prerr_endline ("malformed case: " ^ why); exit 2

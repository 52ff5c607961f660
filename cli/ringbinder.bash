# Completion of ringbinder's command line for bash: commands, options, and names of courses from the front that RB_URL names.

# Names of courses that begin with $1, as the front lists them; none when it does not answer at once.
_ringbinder_courses() {
    [ -n "$1" ] || return 0
    timeout 2 ringbinder find --quiet --limit 50 -- "$1" 2>/dev/null | cut -f1
}

_ringbinder_nodes() {
    timeout 2 ringbinder ring --quiet 2>/dev/null | tail -n +2 | cut -f2
}

_ringbinder() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    local common="--json --url --yes --quiet --help" IFS=$'\n'
    local -A options=(
        [put]="--course --term --title --instructor --note --if-match --new --from-csv --dry-run"
        [get]="--output --version --force"
        [find]="--term --newest --limit"
        [rm]="--version"
        [restore]="--version"
        [ring]="--node"
        [where]="--from"
        [node]="--dry-run --force --hours --output --name --zone --weight --listen --node-url --coordinators --join-token --key"
        [set]="--dry-run"
        [share]="--coordinators --join-token --key --name --listen --data --limit-rate --obtain-port"
        [peers]="--exclude --limit"
        [audit]="--key --coordinators --heads"
        [ca]="--address --days"
        [obtain]="--from --exclude --output --force --limit-rate --wait"
    )
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W $'put\nget\nfind\nlog\nrm\nrestore\nshare\npeers\nobtain\nstatus\nring\nwhere\nnode\nset\naudit\nca\nhelp' -- "$word"))
        return
    fi
    if [[ $word == -* ]]; then
        COMPREPLY=($(IFS=' '; compgen -W "${options[$command]} $common" -- "$word"))
        return
    fi
    case "$command $before" in
    "put --from-csv" | "put -"* | "node --key" | "node -o" | "node --output" | "share --key" | "node --join-token" | "share --join-token" | "get -o" | "get --output" | "obtain -o" | "obtain --output")
        [ "$before" = --course ] || [ "$before" = -c ] || { COMPREPLY=($(compgen -f -- "$word")); return; }
        COMPREPLY=($(_ringbinder_courses "$word"))
        ;;
    "node drain" | "node undrain" | "node remove" | "ring --node" | "where --from")
        COMPREPLY=($(compgen -W "$(_ringbinder_nodes)" -- "$word"))
        ;;
    "node node") COMPREPLY=($(compgen -W $'drain\nundrain\nremove\nadd\ntoken' -- "$word")) ;;
    "set set") COMPREPLY=($(compgen -W k -- "$word")) ;;
    "ca ca") COMPREPLY=($(compgen -W $'init\nissue' -- "$word")) ;;
    "audit audit") COMPREPLY=($(compgen -W $'verify\nheads' -- "$word")) ;;
    "peers peers") COMPREPLY=($(compgen -W find -- "$word")) ;;
    "get "* | "log "* | "rm "* | "restore "* | "where "*) COMPREPLY=($(_ringbinder_courses "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
    # A name with blanks or other signs is one word of the shell.
    local i
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=$(printf %q "${COMPREPLY[i]}")
    done
}

complete -o filenames -F _ringbinder ringbinder

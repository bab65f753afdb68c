# cloud-init is another name of cloudseed, with the same commands.
. /usr/share/bash-completion/completions/cloudseed
complete -o default -F __start_cloudseed cloud-init

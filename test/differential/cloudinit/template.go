package cloudinit

// Render gives what a template stands for, its first line included, with instance data
// as its variables. failure is what cloud-init says when it is none that it can fill in.
func (p *Process) Render(text string, instanceData map[string]any) (filled, failure string, err error) {
	request := map[string]any{"do": "render", "text": text, "data": instanceData}
	var answer struct{ Result struct{ Text, Error string } }
	err = p.Ask(request, &answer)
	return answer.Result.Text, answer.Result.Error, err
}
